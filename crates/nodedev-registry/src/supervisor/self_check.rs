//! When a source's view is compared with the host, and how: one call of the source, then a word from
//! the registry's one task about what it found.

use std::sync::Arc;

use nodedev_source::Inventory;
use tokio::time::Instant;

use super::Supervisor;
use crate::call::Call;
use crate::config::RegistryConfig;
use crate::state::Verdict;

/// One source's, while it is watched.
pub(super) struct SelfCheck {
    /// When the next comparison is due; `None` for never.
    at: Option<Instant>,
    call: Option<Call<Option<Inventory>>>,
}

impl SelfCheck {
    pub(super) fn new(config: &RegistryConfig) -> Self {
        Self { at: config.self_check.map(|every| Instant::now() + every), call: None }
    }

    /// Waits until a comparison is due, and begins it; then for what the source finds. The future may
    /// be dropped and asked for again. `Ok(None)` for a source that cannot tell.
    pub(super) async fn found(&mut self, keeper: &Supervisor) -> Result<Option<Inventory>, String> {
        if self.call.is_none() {
            match self.at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
        let call = self.call.get_or_insert_with(|| {
            let source = Arc::clone(&keeper.source);
            keeper.call(keeper.config.snapshot, async move { source.inventory().await })
        });
        let found = call.result().await;
        self.call = None;
        self.at = match &found {
            Ok(None) => None,
            _ => keeper.config.self_check.map(|every| Instant::now() + every),
        };
        found
    }

    /// What differs may be under way: soon once more.
    pub(super) fn note(&mut self, verdict: Verdict, config: &RegistryConfig) {
        if verdict == Verdict::Suspicious {
            self.at = Some(Instant::now() + config.self_check_pause);
        }
    }
}
