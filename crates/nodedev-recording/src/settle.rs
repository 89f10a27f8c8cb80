//! A registry over a recording, and when it has taken in all of it.

use nodedev_registry::{Registry, RegistryConfig, RegistryError, SourceState, SourceStatus};

use crate::replay::Replay;

impl Replay {
    /// Starts a registry over the recording, and with it the replay.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] when the sources that the recording names cannot be those of one registry.
    pub fn start(&self, config: RegistryConfig) -> Result<Registry, RegistryError> {
        let builder = Registry::builder().config(config);
        self.sources().into_iter().fold(builder, |builder, source| builder.source(source)).start()
    }

    /// Waits until all has been played and this registry, which is over it, shows what came of it.
    pub async fn settled(&self, registry: &Registry) {
        registry.ready().await;
        let mut changes = registry.changes();
        let mut progress: Vec<_> = self.played().iter().map(|played| played.progress()).collect();
        loop {
            // Marked before it is looked, so that what comes meanwhile is not slept over.
            let statuses = changes.borrow_and_update().sources().to_vec();
            progress.iter_mut().for_each(|progress| {
                progress.mark_unchanged();
            });
            if self.has_settled(&statuses) {
                return;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = any(&mut progress) => {}
            }
        }
    }

    /// Hints come with what is published, so they are looked at after it.
    fn has_settled(&self, statuses: &[SourceStatus]) -> bool {
        self.played().iter().all(|played| {
            let Some(status) = statuses.iter().find(|status| status.name == played.name()) else {
                return false;
            };
            let Some(asked) = played.asked() else { return false };
            let is_degraded = matches!(status.state, SourceState::Degraded(_));
            let is_read = asked.of_end && status.snapshots == asked.given;
            is_read || asked.refused && is_degraded
        })
    }
}

async fn any(progress: &mut [tokio::sync::watch::Receiver<u64>]) {
    let waiting = progress.iter_mut().map(|progress| Box::pin(progress.changed()));
    let mut waiting: Vec<_> = waiting.collect();
    std::future::poll_fn(|context| {
        match waiting.iter_mut().any(|changed| changed.as_mut().poll(context).is_ready()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}
