//! What a source sends while it is watched, and the bounded queue that carries it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nodedev_types::{DeviceId, Diagnostic, Observation, Revision, SourceId};
use tokio::sync::{Notify, mpsc};

/// One message of a source.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SourceEvent {
    /// All that a stream now knows of a device.
    Observed(Observation),
    /// A stream no longer knows a device.
    Gone {
        /// Which stream.
        source: SourceId,
        /// Which device.
        device: DeviceId,
        /// When the source learnt it.
        revision: Revision,
    },
    /// A device exists and could not be read: what was last said of it stays, marked stale.
    Unreadable {
        /// Which stream.
        source: SourceId,
        /// Which device.
        device: DeviceId,
        /// When the source began to read.
        revision: Revision,
        /// What kept it from being read.
        diagnostic: Diagnostic,
    },
    /// Several messages that readers see at once or not at all: a rename.
    Batch(Vec<Self>),
    /// Messages may have been lost: the registry takes a snapshot.
    Resync {
        /// What was the evidence, for people.
        reason: String,
    },
    /// Something to tell the operator that touches no device that was said.
    Diagnostic(Diagnostic),
}

/// A source's end of the queue. Sending never blocks and never waits.
#[derive(Debug, Clone)]
pub struct EventSink {
    queue: mpsc::Sender<SourceEvent>,
    overrun: Arc<Overrun>,
}

#[derive(Debug, Default)]
struct Overrun {
    pending: AtomicBool,
    dropped: AtomicU64,
    /// How many of these have been taken note of.
    noted: AtomicU64,
    notify: Notify,
}

/// The registry's end of the queue.
#[derive(Debug)]
pub struct EventReceiver {
    queue: mpsc::Receiver<SourceEvent>,
    overrun: Arc<Overrun>,
}

/// A queue for at most `capacity` messages (at least one).
#[must_use]
pub fn event_channel(capacity: usize) -> (EventSink, EventReceiver) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let overrun = Arc::new(Overrun::default());
    (
        EventSink { queue: sender, overrun: Arc::clone(&overrun) },
        EventReceiver { queue: receiver, overrun },
    )
}

impl EventSink {
    /// Queues a message. With the queue full the message is dropped and the receiver is told to
    /// resync; with the receiver gone it is dropped.
    pub fn send(&self, event: SourceEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(event) {
            self.overrun.dropped.fetch_add(1, Ordering::Relaxed);
            self.overrun.pending.store(true, Ordering::Release);
            self.overrun.notify.notify_one();
        }
    }

    /// Whether nobody receives any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Waits until nobody receives any more.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }
}

impl EventReceiver {
    /// The next message; after an overrun a [`SourceEvent::Resync`] comes first. `None` when every
    /// sink is gone and the queue is empty.
    ///
    /// The future may be dropped without losing a message.
    pub async fn recv(&mut self) -> Option<SourceEvent> {
        loop {
            if self.overrun.pending.swap(false, Ordering::AcqRel) {
                return Some(SourceEvent::Resync { reason: "event queue overrun".to_owned() });
            }
            tokio::select! {
                biased;
                () = self.overrun.notify.notified() => {}
                event = self.queue.recv() => {
                    // An overrun may have come together with the end of the last sink.
                    if event.is_some() || !self.overrun.pending.load(Ordering::Acquire) {
                        return event;
                    }
                }
            }
        }
    }

    /// How many messages wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// How many messages were dropped because the queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.overrun.dropped.load(Ordering::Relaxed)
    }

    /// How many were dropped since this was last asked.
    pub fn take_dropped(&self) -> u64 {
        let dropped = self.dropped();
        dropped - self.overrun.noted.swap(dropped, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(n: usize) -> SourceEvent {
        SourceEvent::Diagnostic(Diagnostic::warning(n.to_string(), "test"))
    }

    #[tokio::test]
    async fn an_overrun_drops_the_newest_and_asks_for_one_resync() {
        let (sink, mut receiver) = event_channel(2);
        (0..5).for_each(|n| sink.send(diagnostic(n)));
        drop(sink);
        assert!(matches!(receiver.recv().await, Some(SourceEvent::Resync { .. })));
        for expected in ["0", "1"] {
            let Some(SourceEvent::Diagnostic(d)) = receiver.recv().await else { panic!() };
            assert_eq!(d.subject, expected);
        }
        assert!(receiver.recv().await.is_none());
        assert_eq!(receiver.dropped(), 3);
        assert_eq!((receiver.take_dropped(), receiver.take_dropped()), (3, 0));
    }

    #[tokio::test]
    async fn a_waiting_receiver_learns_of_an_overrun() {
        let (sink, mut receiver) = event_channel(1);
        sink.send(diagnostic(0));
        assert!(receiver.recv().await.is_some());
        sink.send(diagnostic(1));
        sink.send(diagnostic(2));
        assert!(matches!(receiver.recv().await, Some(SourceEvent::Resync { .. })));
    }
}
