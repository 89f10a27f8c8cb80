//! One run of the program: its start and its end. What it says is read by its task.

use std::io;
use std::sync::Arc;

use nodedev_source::{ErrorKind, EventSink, HintStream, RevisionCounter, SourceError};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::task::JoinHandle;

use crate::command;
use crate::config::ExecConfig;
use crate::counts::Counts;
use crate::shared::Shared;
use crate::task::Task;

/// A run; it is ended when dropped.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) shared: Arc<Shared>,
    task: JoinHandle<()>,
    /// Its end is the signal.
    _stop: oneshot::Sender<()>,
}

/// What a run needs of its source.
#[derive(Debug, Clone)]
pub(crate) struct Means {
    pub(crate) config: Arc<ExecConfig>,
    pub(crate) revisions: Arc<RevisionCounter>,
    pub(crate) counts: Counts,
}

/// Who listens to a run.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) sink: EventSink,
    pub(crate) hints: HintStream,
}

impl Run {
    /// Starts the program. `turn` is held until it has gone.
    pub(crate) fn start(
        means: &Means,
        listener: Option<Listener>,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Self, SourceError> {
        let config = Arc::clone(&means.config);
        let heard = listener.as_ref().map(|l| l.hints.newest()).unwrap_or_default();
        let spawned = command::spawn(&config).map_err(|error| cannot_run(&config, error))?;
        means.counts.runs.count();
        let (group, pipes) = spawned;
        let shared = Arc::new(Shared::new(means, group.head(), heard));
        let (stop, stopped) = oneshot::channel();
        let task = Task::new(Arc::clone(&shared), means.counts.clone(), pipes, listener);
        let task = tokio::spawn(task.run(group, stopped, turn));
        Ok(Self { shared, task, _stop: stop })
    }

    /// Ends it and waits until it has gone.
    pub(crate) async fn end(self) {
        let Self { task, _stop, .. } = self;
        drop(_stop);
        let _ = task.await;
    }
}

fn cannot_run(config: &ExecConfig, error: io::Error) -> SourceError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::Unavailable,
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        _ => ErrorKind::Failed,
    };
    let program = config.program.display();
    SourceError::new(kind, format!("{program}: cannot be run")).with_source(error)
}
