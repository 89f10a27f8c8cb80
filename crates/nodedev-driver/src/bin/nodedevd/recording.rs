//! Records the sources of the daemon, where that was asked for: `--record`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use nodedev_driver::DriverConfig;
use nodedev_driver::registry::Registry;
use nodedev_recording::{Options, Recorder, create, kernel};
use nodedev_source::NodeDeviceSource;

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
pub(crate) fn finish(recorder: &Recorder) {
    match recorder.finish() {
        Ok(summary) => {
            tracing::info!(bytes = summary.bytes, end = ?summary.end, "the recording has ended");
        }
        Err(error) => tracing::warn!("the recording could not be written: {error}"),
    }
}
