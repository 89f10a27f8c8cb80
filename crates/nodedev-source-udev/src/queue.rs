//! The bounded queue from the receiver and the readers to the coordinator.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nodedev_types::Diagnostic;

use crate::counts::Counts;
use crate::link_hints::{LinkHints, Raised};
use crate::monitor::RawEvent;
use crate::reader::Outcome;

/// Diagnostics that may wait: each event can bring one. Further ones are left out; what is wrong now
/// shows in the next snapshot.
const DIAGNOSTICS: usize = 256;

/// What the coordinator acts on.
#[derive(Debug)]
pub(crate) enum Message {
    /// The kernel or udevd has said something.
    Event(RawEvent),
    /// A reader has read what it was told to.
    Read { path: String, token: u64, outcome: Outcome },
    /// An interface whose link has changed is the device there.
    Link(String),
    /// A device is to be looked at again then: a snapshot has passed over it, or it was read without a file.
    Recheck { path: String, at: Instant },
    /// Events were lost behind all that was queued before this.
    Lost(String),
    /// Something for the operator.
    Diagnostic(Diagnostic),
    /// No more events can be received.
    Failed(String),
    /// Something may have been noted beside the queue.
    Wake,
}

/// A sending end. Clones share the bound.
#[derive(Debug, Clone)]
pub(crate) struct EventQueue {
    sender: Sender<Message>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    waiting: AtomicUsize,
    /// A loss is the last that was queued, and has not been told yet.
    is_loss_noted: AtomicBool,
    diagnostics: AtomicUsize,
    counts: Counts,
    links: LinkHints,
    /// What is not heard, by its subject: as long as that is so it is part of each snapshot.
    unheard: Mutex<BTreeMap<String, Diagnostic>>,
    is_wake_queued: AtomicBool,
    closed: AtomicBool,
}

/// A queue with at most `limit` events in it.
pub(crate) fn event_queue(limit: usize, counts: Counts) -> (EventQueue, Receiver<Message>) {
    let (sender, receiver) = channel();
    counts.waiting.set(0);
    let shared = Arc::new(Shared {
        limit: limit.max(1),
        waiting: AtomicUsize::new(0),
        is_loss_noted: AtomicBool::new(false),
        diagnostics: AtomicUsize::new(0),
        counts,
        links: LinkHints::new(limit.max(1)),
        unheard: Mutex::default(),
        is_wake_queued: AtomicBool::new(false),
        closed: AtomicBool::new(false),
    });
    (EventQueue { sender, shared }, receiver)
}

impl EventQueue {
    /// Queues an event; with the queue full it is lost, and that is noted.
    pub(crate) fn event(&self, event: RawEvent) {
        if self.shared.waiting.load(Ordering::Acquire) >= self.shared.limit {
            self.shared.counts.dropped.count();
            self.lost("more events than the queue holds");
            return;
        }
        let before = self.shared.waiting.fetch_add(1, Ordering::AcqRel);
        self.shared.counts.waiting.set(before as u64 + 1);
        self.shared.is_loss_noted.store(false, Ordering::Release);
        self.send(Message::Event(event));
    }

    /// Notes that the link of an interface has changed.
    pub(crate) fn link(&self, index: u32, name: &str) {
        match self.shared.links.raise(index, name, Instant::now()) {
            Raised::New => self.wake(),
            Raised::Known => {}
            Raised::TooMany => self.lost("more links have changed than the queue holds"),
        }
    }

    /// The interfaces whose links have changed.
    pub(crate) fn links(&self) -> &LinkHints {
        &self.shared.links
    }

    /// Something is not heard. Told now and with each snapshot, until that is over.
    pub(crate) fn is_unheard(&self, why: Diagnostic) {
        self.unheard_now().insert(why.subject.clone(), why.clone());
        self.diagnostic(why);
    }

    /// It is heard again.
    pub(crate) fn is_heard(&self, subject: &str) {
        self.unheard_now().remove(subject);
    }

    /// What is not heard.
    pub(crate) fn unheard(&self) -> Vec<Diagnostic> {
        self.unheard_now().values().cloned().collect()
    }

    fn unheard_now(&self) -> MutexGuard<'_, BTreeMap<String, Diagnostic>> {
        self.shared.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the coordinator look at what was noted beside the queue.
    pub(crate) fn wake(&self) {
        if !self.shared.is_wake_queued.swap(true, Ordering::AcqRel) {
            self.send(Message::Wake);
        }
    }

    /// The coordinator is about to look at what was noted.
    pub(crate) fn wake_taken(&self) {
        self.shared.is_wake_queued.store(false, Ordering::Release);
    }

    /// Notes that events were lost, behind those that are queued: a snapshot taken before one of them
    /// has been acted on would seem to be older than it.
    pub(crate) fn lost(&self, reason: &str) {
        // One note at a place is enough; one for each event would fill the queue that is full.
        if !self.shared.is_loss_noted.swap(true, Ordering::AcqRel) {
            self.send(Message::Lost(reason.to_owned()));
        }
    }

    /// Queues something for the operator, unless much of that waits already.
    pub(crate) fn diagnostic(&self, diagnostic: Diagnostic) {
        if self.shared.diagnostics.fetch_add(1, Ordering::AcqRel) < DIAGNOSTICS {
            self.send(Message::Diagnostic(diagnostic));
        } else {
            self.shared.diagnostics.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// The coordinator has taken a diagnostic.
    pub(crate) fn diagnostic_taken(&self) {
        self.shared.diagnostics.fetch_sub(1, Ordering::AcqRel);
    }

    /// What is counted for operators.
    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    pub(crate) fn fail(&self, reason: String) {
        self.send(Message::Failed(reason));
    }

    /// Queues a message that the bound does not count: there is one at most for each reading that may wait, one for
    /// each device that a snapshot has passed over, and one for each that was read without a file that held a reader.
    pub(crate) fn send(&self, message: Message) {
        if self.sender.send(message).is_err() {
            self.close();
        }
    }

    /// The coordinator has taken an event.
    pub(crate) fn taken(&self) {
        let before = self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
        self.shared.counts.waiting.set(before as u64 - 1);
    }

    /// The coordinator is about to tell of a loss: what is lost from now on is another one.
    pub(crate) fn loss_taken(&self) {
        self.shared.is_loss_noted.store(false, Ordering::Release);
    }

    /// Tells both ends to stop.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        // The receiver may wait; if it is gone there is nobody to wake.
        let _ = self.sender.send(Message::Wake);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn event(n: usize) -> RawEvent {
        RawEvent { action: "add".to_owned(), path: format!("/sys/devices/{n}"), old_path: None }
    }

    /// What is queued, in short.
    fn queued(receiver: &Receiver<Message>) -> Vec<String> {
        let text = |message| match message {
            Message::Event(event) => event.path,
            Message::Lost(_) => "lost".to_owned(),
            _ => "other".to_owned(),
        };
        receiver.try_iter().map(text).collect()
    }

    #[test]
    fn a_full_queue_loses_the_newest_and_notes_it_once() {
        let (queue, receiver) = event_queue(2, Counts::default());
        (0..100).for_each(|n| queue.event(event(n)));
        assert_eq!(queued(&receiver), ["/sys/devices/0", "/sys/devices/1", "lost"]);
        assert_eq!((queue.counts().dropped.value(), queue.counts().waiting.value()), (98, 2));
        queue.taken();
        queue.event(event(7));
        assert!(matches!(receiver.try_recv(), Ok(Message::Event(e)) if e == event(7)));
    }

    #[test]
    fn a_loss_is_told_behind_what_was_queued_before_it_and_each_of_them_is() {
        let (queue, receiver) = event_queue(2, Counts::default());
        queue.event(event(0));
        queue.lost("the kernel dropped some");
        queue.event(event(1));
        queue.event(event(2));
        queue.event(event(3));
        assert_eq!(queued(&receiver), ["/sys/devices/0", "lost", "/sys/devices/1", "lost"]);
        queue.lost("not told yet, so it is the same");
        assert_eq!(queued(&receiver), Vec::<String>::new());
        queue.loss_taken();
        queue.lost("another");
        assert_eq!(queued(&receiver), ["lost"]);
    }

    #[test]
    fn a_flood_of_diagnostics_is_cut_off_and_takes_no_place_of_events() {
        let (queue, receiver) = event_queue(2, Counts::default());
        let odd = || Diagnostic::warning("/sys/devices/odd", "path is odd");
        (0..100_000).for_each(|_| queue.diagnostic(odd()));
        assert_eq!(receiver.try_iter().count(), DIAGNOSTICS);
        queue.diagnostic(odd());
        assert_eq!(receiver.try_iter().count(), 0, "they have not been acted on");
        queue.diagnostic_taken();
        queue.diagnostic(odd());
        queue.event(event(7));
        assert_eq!(receiver.try_iter().count(), 2);
    }

    #[test]
    fn links_take_no_place_in_the_queue_and_too_many_are_lost() {
        let (queue, receiver) = event_queue(2, Counts::default());
        for _ in 0..100 {
            queue.link(1, "a");
            queue.link(2, "b");
        }
        assert_eq!(queued(&receiver), ["other"], "one waking until it is taken");
        queue.event(event(7));
        assert_eq!(queued(&receiver), ["/sys/devices/7"]);
        queue.link(3, "c");
        assert_eq!(queued(&receiver), ["lost"]);
        assert_eq!(queue.links().due(Instant::now() + Duration::from_secs(1)).len(), 2);
    }
}
