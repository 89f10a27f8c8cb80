//! The counter that orders a source's messages.

use std::sync::atomic::{AtomicU64, Ordering};

use nodedev_types::Revision;

/// Gives out revisions, each higher than all before. One for each source, shared by its streams.
#[derive(Debug, Default)]
pub struct RevisionCounter(AtomicU64);

impl RevisionCounter {
    /// A counter whose first revision is 1.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The next revision. Take it *before* the reading that it stands for begins.
    pub fn next(&self) -> Revision {
        Revision(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }
}
