//! The registry's word to a keeper that its source is to be read again: a level, never queued and never lost.

use std::sync::Arc;

use tokio::sync::Notify;

/// Clones are the same word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Again(Arc<Notify>);

impl Again {
    /// The source is to be read again.
    pub(crate) fn ask(&self) {
        self.0.notify_one();
    }

    /// Waits until that has been asked for since the last call. May be dropped and called again.
    pub(crate) async fn asked(&self) {
        self.0.notified().await;
    }
}
