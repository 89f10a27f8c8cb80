//! The source: one run of the program for a watch, or for a snapshot where nobody watches.

use std::sync::{Arc, Mutex, PoisonError};

use nodedev_source::{
    Counter, EventSink, Hint, HintStream, NodeDeviceSource, Presence, RevisionCounter, Snapshot,
    SourceError, SourceInfo, StreamInfo, Watch, async_trait,
};
use nodedev_types::{DeviceId, Observation};

use crate::config::ExecConfig;
use crate::counts::Counts;
use crate::run::{Listener, Means, Run};
use crate::shared::Shared;

/// What a program that prints JSON lines knows of a host's devices.
///
/// It runs as long as the source is watched. When it ends, the registry learns that the source has
/// failed and starts it again. Everything that it may do wrong costs its own lines, or its run.
#[derive(Debug)]
pub struct ExecSource {
    means: Means,
    /// Held by a run until its program has gone: there are never two.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The run of the watch.
    watched: Mutex<Option<(Arc<Shared>, HintStream)>>,
}

impl ExecSource {
    /// A source with these settings. Runs nothing yet.
    #[must_use]
    pub fn new(config: ExecConfig) -> Self {
        let means = Means {
            config: Arc::new(config),
            revisions: Arc::new(RevisionCounter::new()),
            counts: Counts::default(),
        };
        Self { means, turn: Arc::default(), watched: Mutex::default() }
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &ExecConfig {
        &self.means.config
    }

    /// Waits until no program of this source runs: after the end of a watch, until it has gone.
    pub async fn ended(&self) {
        drop(self.turn.lock().await);
    }

    fn set_watched(&self, watched: Option<(Arc<Shared>, HintStream)>) {
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = watched;
    }

    /// The run of the watch, if there is one whose program lives.
    fn watched(&self) -> Option<(Arc<Shared>, HintStream)> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        watched.filter(|(shared, _)| shared.is_alive())
    }

    /// Runs the program for one listing.
    async fn run_once(&self) -> Result<Snapshot, SourceError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let run = Run::start(&self.means, None, turn)?;
        let read = match run.shared.greeted().await {
            Ok(()) => run.shared.snapshot(Hint::default()).await,
            Err(error) => Err(error),
        };
        run.end().await;
        read
    }
}

#[async_trait]
impl NodeDeviceSource for ExecSource {
    fn info(&self) -> SourceInfo {
        let config = &*self.means.config;
        let stream = StreamInfo::new(&config.name, Presence::Active, config.fields.clone())
            .with_namespace(&config.name);
        SourceInfo::new(&config.name, env!("CARGO_PKG_VERSION"))
            .with_stream(stream)
            .with_interests(&config.interests)
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        // The program of the watch before may still be about to end.
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let listener = Listener { sink, hints: hints.clone() };
        let run = Run::start(&self.means, Some(listener), turn)?;
        run.shared.greeted().await?;
        self.set_watched(Some((Arc::clone(&run.shared), hints)));
        Ok(Watch::new(run))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let Some((shared, hints)) = self.watched() else {
            return self.run_once().await;
        };
        // Before the program is asked.
        let newest = hints.newest();
        let mut snapshot = shared.snapshot(newest).await?;
        snapshot.answers = newest;
        Ok(snapshot)
    }

    async fn refresh(&self, _id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        // A program says by itself what changes.
        Ok(None)
    }

    fn counters(&self) -> Vec<Counter> {
        self.means.counts.all()
    }
}
