//! What the registry itself has done since it was started, and how much waits in its queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use nodedev_merge::{Change, ChangeKind};
use serde::Serialize;

/// What a registry has done since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Messages of its sources that were taken in.
    pub messages: u64,
    /// Events `created` that were told.
    pub created: u64,
    /// Events `deleted` that were told.
    pub deleted: u64,
    /// Events `defined` that were told.
    pub defined: u64,
    /// Events `undefined` that were told.
    pub undefined: u64,
    /// Events `updated` that were told.
    pub updated: u64,
    /// How often a follower was too slow and was told to read the list again.
    pub missed: u64,
}

impl Totals {
    pub(crate) fn tell(&mut self, changes: &[Change]) {
        for change in changes {
            let count = match change.kind {
                ChangeKind::Created => &mut self.created,
                ChangeKind::Deleted => &mut self.deleted,
                ChangeKind::Defined => &mut self.defined,
                ChangeKind::Undefined => &mut self.undefined,
                _ => &mut self.updated,
            };
            *count += 1;
        }
    }
}

/// How full a queue is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStatus {
    /// The source whose messages wait in it; `None` for the queue that all sources share.
    pub source: Option<String>,
    /// How many messages wait.
    pub waiting: usize,
    /// How many may.
    pub bound: usize,
}

/// Numbers that are counted outside the one task. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    missed: Arc<AtomicU64>,
}

impl Shared {
    pub(crate) fn count_missed(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

/// How many messages of one source wait for its keeper.
#[derive(Debug, Clone, Default)]
pub(crate) struct Depth(Arc<AtomicUsize>);

impl Depth {
    pub(crate) fn set(&self, waiting: usize) {
        self.0.store(waiting, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
