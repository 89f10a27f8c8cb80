//! What the source's handle, its watch and its snapshots share.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nodedev_source::{RevisionCounter, may_block};
use tokio::sync::{Semaphore, oneshot};

use crate::announce::{Announcer, MOST_READ_WITHOUT};
use crate::config::UdevConfig;
use crate::control::WRITERS;
use crate::counts::Counts;
use crate::error::UdevError;
use crate::memory::Memory;
use crate::pool::{Asker, Limits, Order, Priority, ReaderPool};
use crate::queue::{EventQueue, Message};
use crate::reader::Host;

/// Shared by all parts of one source.
pub(crate) struct Inner {
    pub(crate) host: Arc<Host>,
    pub(crate) pool: ReaderPool,
    pub(crate) counts: Counts,
    pub(crate) revisions: RevisionCounter,
    pub(crate) memory: Mutex<Memory>,
    /// Places of those who write to a file.
    pub(crate) writers: Arc<Semaphore>,
    /// The queue of the watch, while there is one.
    watch: Arc<CurrentWatch>,
}

type CurrentWatch = Mutex<Option<EventQueue>>;

/// Has these devices read again, as if something had changed; all there are if these are as many as are remembered.
/// Without a watch nobody is told of changes.
fn read_again(watch: &CurrentWatch, devices: BTreeSet<String>) {
    let queue = watch.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(queue) = &*queue {
        if devices.len() >= MOST_READ_WITHOUT {
            queue.lost("more devices were read without a file than can be remembered");
            return;
        }
        let at = Instant::now();
        devices.into_iter().for_each(|path| queue.send(Message::Recheck { path, at }));
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("config", &self.host.config)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn new(config: UdevConfig) -> Self {
        let limits = Limits {
            readers: config.readers,
            bulk: config.bulk_readers,
            abandoned: config.abandoned_readers,
            waiting: config.event_queue,
        };
        let counts = Counts::default();
        let (given_up, waiting) = (counts.given_up.clone(), counts.readings_waiting.clone());
        let watch = Arc::<CurrentWatch>::default();
        let watched = Arc::clone(&watch);
        Self {
            host: Arc::new(Host::new(config)),
            pool: ReaderPool::new(limits, given_up, waiting, move |devices| {
                read_again(&watched, devices);
            }),
            counts,
            revisions: RevisionCounter::new(),
            memory: Mutex::default(),
            writers: Arc::new(Semaphore::new(WRITERS)),
            watch,
        }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue of the watch, while there is one.
    pub(crate) fn watch(&self) -> MutexGuard<'_, Option<EventQueue>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a reader do something, and waits for its answer; or does it here, where that may take as long as it
    /// likes. When the future is dropped before a reader has begun, none does.
    ///
    /// # Errors
    ///
    /// When the reader is lost, or as much waits as may.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        subject: &str,
        priority: Priority,
        run: impl FnOnce(&Host, &Announcer) -> T + Send + 'static,
    ) -> Result<T, UdevError> {
        if may_block() {
            return Ok(self.pool.run_here(|announcer| run(&self.host, announcer)));
        }
        let asker = Asker::default();
        let order = match priority {
            Priority::Bulk => Order::bulk(&asker),
            Priority::Event | Priority::Asked => Order::asked(subject, &asker),
        };
        let (answer, answered) = oneshot::channel();
        let host = Arc::clone(&self.host);
        let submitted = self.pool.submit(
            order,
            move |announcer| run(&host, announcer),
            // The caller may have gone.
            move |result| drop(answer.send(result)),
        );
        submitted.map_err(|full| UdevError::Full { subject: subject.to_owned(), full })?;
        match answered.await {
            Ok(result) => {
                result.map_err(|lost| UdevError::Reader { subject: subject.to_owned(), lost })
            }
            Err(_) => Err(UdevError::NoAnswer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::event_queue;

    #[test]
    fn who_was_read_without_a_file_is_read_again_while_somebody_watches() {
        let devices = || BTreeSet::from(["/sys/a".to_owned(), "/sys/b".to_owned()]);
        let watch = CurrentWatch::default();
        read_again(&watch, devices());
        let (queue, messages) = event_queue(1, Counts::default());
        *watch.lock().unwrap() = Some(queue);
        read_again(&watch, devices());
        let again = messages.try_iter().map(|message| match message {
            Message::Recheck { path, at } if at <= Instant::now() => path,
            other => panic!("{other:?}"),
        });
        assert!(again.eq(["/sys/a", "/sys/b"]));
        read_again(&watch, (0..MOST_READ_WITHOUT).map(|n| n.to_string()).collect());
        assert!(matches!(messages.try_recv(), Ok(Message::Lost(_))), "there may be more");
        assert!(messages.try_recv().is_err());
    }
}
