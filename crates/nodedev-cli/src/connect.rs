//! Where the list comes from: today the sources, run in this process.

use std::sync::Arc;
use std::time::Duration;

use nodedev_driver::DriverConfig;
use nodedev_driver::registry::{Registry, Snapshot, SourceState};
use nodedev_types::Severity;

use crate::args::{Args, Connect};
use crate::output::Output;
use crate::status::Failure;

/// How long the end may take: everything is read-only, so nothing is lost after that.
const CLOSE: Duration = Duration::from_secs(1);

/// An open list.
#[derive(Debug)]
pub(crate) struct Connection {
    registry: Registry,
}

impl Connection {
    /// Opens the list and waits until it is complete.
    pub(crate) async fn open(args: &Args) -> Result<Self, Failure> {
        let Connect::None = args.connect;
        // A bare name may be missing, an ordinary host has no mdevctl; a path was meant.
        if args.mdevctl.components().count() > 1 && !args.mdevctl.exists() {
            let program = args.mdevctl.display();
            return Err(Failure::Other(format!("--mdevctl {program}: there is no such program")));
        }
        let mut config = DriverConfig::default();
        config.mdevctl.program.clone_from(&args.mdevctl);
        config.udev.host_uuid.clone_from(&args.host_uuid);
        let registry = nodedev_driver::start(config, [])?;
        registry.ready().await;
        Ok(Self { registry })
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.registry.snapshot()
    }

    /// Fails if a source has, so that nobody takes an incomplete list for a complete one.
    pub(crate) fn check_sources(&self) -> Result<(), Failure> {
        let snapshot = self.snapshot();
        let reasons = snapshot.sources().iter().filter_map(|source| match &source.state {
            SourceState::Degraded(reason) => Some(format!("{}: {reason}", source.name)),
            SourceState::Starting => Some(format!("{}: no answer yet", source.name)),
            _ => None,
        });
        let reasons: Vec<_> = reasons.collect();
        if reasons.is_empty() { Ok(()) } else { Err(Failure::Source(reasons)) }
    }

    /// Tells that something could not be used, where that may be why a device or field is missing.
    pub(crate) fn warn_of_unusable(&self, output: &Output) {
        let snapshot = self.snapshot();
        let all = snapshot.sources().iter().flat_map(|source| &source.diagnostics);
        let warnings: Vec<_> = all.filter(|found| found.severity >= Severity::Warning).collect();
        match warnings.as_slice() {
            [] => {}
            [warning] => output.warning(warning),
            [first, others @ ..] => {
                let count = others.len();
                output.warning(format_args!("{first} (and {count} more: nodedev sources)"));
            }
        }
    }

    pub(crate) async fn close(&self) {
        // A source that does not end in time ends with the process.
        let _ = tokio::time::timeout(CLOSE, self.registry.shutdown()).await;
    }
}
