//! Following the list: batches of events, with a word when some were missed.

use std::sync::Arc;

use nodedev_merge::Change;
use tokio::sync::broadcast;

use crate::snapshot::Snapshot;
use crate::totals::Shared;

/// The events that led to one published list.
#[derive(Debug)]
pub struct Batch {
    /// The list after them; its generation is theirs.
    pub snapshot: Arc<Snapshot>,
    /// The events, in order.
    pub changes: Vec<Change>,
}

/// The follower was too slow: it must read the list again, from this snapshot on.
#[derive(Debug, Clone)]
pub struct Missed {
    /// The list as it is now. The next batch continues from it.
    pub snapshot: Arc<Snapshot>,
}

/// Why there is no next batch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NextError {
    /// Events were missed; following goes on from the snapshot in it.
    #[error("events were missed, the list must be read again")]
    Missed(Missed),
    /// The registry has been shut down.
    #[error("the registry has been shut down")]
    Closed,
}

/// One follower's place in the stream of events.
#[derive(Debug)]
pub struct Subscription {
    events: broadcast::Receiver<Arc<Batch>>,
    current: tokio::sync::watch::Receiver<Arc<Snapshot>>,
    seen: u64,
    counts: Shared,
}

impl Subscription {
    pub(crate) fn new(
        events: broadcast::Receiver<Arc<Batch>>,
        current: tokio::sync::watch::Receiver<Arc<Snapshot>>,
        counts: Shared,
    ) -> (Arc<Snapshot>, Self) {
        let snapshot = Arc::clone(&current.borrow());
        let seen = snapshot.generation();
        (snapshot, Self { events, current, seen, counts })
    }

    /// Waits for the next batch. The future may be dropped without losing one.
    ///
    /// # Errors
    ///
    /// [`NextError::Missed`] once after this follower was too slow, [`NextError::Closed`] at the end.
    pub async fn next(&mut self) -> Result<Arc<Batch>, NextError> {
        loop {
            match self.events.recv().await {
                Ok(batch) if batch.snapshot.generation() <= self.seen => {}
                Ok(batch) => {
                    self.seen = batch.snapshot.generation();
                    return Ok(batch);
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.counts.count_missed();
                    let snapshot = Arc::clone(&self.current.borrow());
                    self.seen = snapshot.generation();
                    return Err(NextError::Missed(Missed { snapshot }));
                }
                Err(broadcast::error::RecvError::Closed) => return Err(NextError::Closed),
            }
        }
    }
}
