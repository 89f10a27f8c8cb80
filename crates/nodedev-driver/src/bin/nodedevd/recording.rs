//! Records the sources of the daemon, where that was asked for: `--record`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use nodedev_driver::DriverConfig;
use nodedev_driver::registry::Registry;
use nodedev_recording::{Options, Recorder, Summary, create, kernel};
use nodedev_source::NodeDeviceSource;
use tokio::time::timeout;

/// How long the writing of what waits may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts the registry, over recorded sources if there is a file for them.
///
/// # Errors
///
/// When it cannot start, or the file cannot be written.
pub(crate) fn start(
    config: DriverConfig,
    further: impl IntoIterator<Item = Arc<dyn NodeDeviceSource>>,
    file: Option<&Path>,
) -> anyhow::Result<(Registry, Option<Recorder>)> {
    let mut recorder = None;
    let registry = nodedev_driver::start_through(config, further, |sources| {
        let Some(file) = file else { return Ok(sources) };
        let program = concat!("nodedevd ", env!("CARGO_PKG_VERSION"));
        let options = Options::new(program).with_kernel(kernel());
        let started = create(file).and_then(|out| Recorder::start(out, &options, sources));
        let (started, sources) =
            started.with_context(|| format!("cannot write {}", file.display()))?;
        recorder = Some(started);
        tracing::info!(file = %file.display(), "recording what the sources say");
        anyhow::Ok(sources)
    })?;
    Ok((registry, recorder))
}

/// Writes what is still to be written.
pub(crate) async fn finish(recorder: &Recorder) {
    match within_patience(recorder).await {
        Ok(summary) => {
            tracing::info!(bytes = summary.bytes, end = ?summary.end, "the recording has ended");
        }
        Err(error) => tracing::warn!("the recording could not be written: {error}"),
    }
}

/// What it is written to may take nothing; then what waits ends with the process.
async fn within_patience(recorder: &Recorder) -> io::Result<Summary> {
    let finished = timeout(PATIENCE, recorder.finish()).await;
    finished.unwrap_or_else(|_| Err(io::Error::other("what it is written to takes nothing")))
}
