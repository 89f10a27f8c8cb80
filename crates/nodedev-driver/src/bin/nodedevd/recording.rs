//! Records the sources of the daemon, where that was asked for: `--record`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use nodedev_driver::DriverConfig;
use nodedev_driver::registry::Registry;
use nodedev_recording::{Options, Recorder, Summary, create, kernel, set_aside};
use nodedev_source::NodeDeviceSource;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long the writing of what waits may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A recording that is being made, and who tells when it ends before the daemon does.
#[derive(Debug)]
pub(crate) struct Recording {
    recorder: Arc<Recorder>,
    told: JoinHandle<()>,
}

/// Starts the registry, over recorded sources if there is a file for them.
///
/// # Errors
///
/// When it cannot start, or the file cannot be written.
pub(crate) fn start(
    config: DriverConfig,
    further: impl IntoIterator<Item = Arc<dyn NodeDeviceSource>>,
    file: Option<&Path>,
) -> anyhow::Result<(Registry, Option<Recording>)> {
    let mut recorder = None;
    let registry = nodedev_driver::start_through(config, further, |sources| {
        let Some(file) = file else { return Ok(sources) };
        keep_the_last(file)?;
        let program = concat!("nodedevd ", env!("CARGO_PKG_VERSION"));
        let options = Options::new(program).with_kernel(kernel());
        let started = create(file).and_then(|out| Recorder::start(out, &options, sources));
        let (started, sources) =
            started.with_context(|| format!("cannot write {}", file.display()))?;
        recorder = Some(started);
        tracing::info!(file = %file.display(), "recording what the sources say");
        anyhow::Ok(sources)
    })?;
    Ok((registry, recorder.map(Recording::of)))
}

/// After a crash the daemon is started again, and what led to the crash is on the file.
fn keep_the_last(file: &Path) -> anyhow::Result<()> {
    let aside = set_aside(file).with_context(|| format!("cannot rename {}", file.display()))?;
    if let Some(aside) = aside {
        tracing::info!(file = %aside.display(), "the last recording is kept");
    }
    Ok(())
}

impl Recording {
    fn of(recorder: Recorder) -> Self {
        let recorder = Arc::new(recorder);
        let told = tokio::spawn(tell_end(Arc::clone(&recorder)));
        Self { recorder, told }
    }

    /// Writes what is still to be written.
    pub(crate) async fn finish(self) {
        self.told.abort();
        if self.told.await.is_ok() {
            return;
        }
        match within_patience(&self.recorder).await {
            Ok(Summary { bytes, end, .. }) => {
                tracing::info!(bytes, "the recording has ended: {end}");
            }
            Err(error) => tracing::warn!("the recording could not be written: {error}"),
        }
    }
}

/// Whoever reads the file later is not to take it for all that happened.
async fn tell_end(recorder: Arc<Recorder>) {
    recorder.ended().await;
    let why = match within_patience(&recorder).await {
        Ok(summary) => summary.end.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::warn!("nothing more is recorded: {why}");
}

/// What it is written to may take nothing; then what waits ends with the process.
async fn within_patience(recorder: &Recorder) -> io::Result<Summary> {
    let finished = timeout(PATIENCE, recorder.finish()).await;
    finished.unwrap_or_else(|_| Err(io::Error::other("what it is written to takes nothing")))
}
