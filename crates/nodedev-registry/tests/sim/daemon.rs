//! A registry over the simulated host, which crashes and is started again.

use std::sync::{Arc, Mutex, PoisonError};

use nodedev_registry::{Registry, RegistryConfig, SourceState};
use nodedev_types::Diagnostic;

use crate::control::SimControl;
use crate::host::Host;
use crate::mdevctl::SimMdevctl;
use crate::udev::SimUdev;

/// Clones are the same daemon.
#[derive(Debug, Clone)]
pub(crate) struct Daemon {
    pub(crate) host: Host,
    config: RegistryConfig,
    running: Arc<Mutex<Option<Registry>>>,
}

impl Daemon {
    pub(crate) fn start(host: &Host, config: RegistryConfig) -> Self {
        let daemon = Self { host: host.clone(), config, running: Arc::default() };
        daemon.set(Some(daemon.new_registry()));
        daemon
    }

    /// With sources of its own, as in another process.
    fn new_registry(&self) -> Registry {
        Registry::builder()
            .source(SimUdev::on(&self.host))
            .source(SimMdevctl::on(&self.host))
            .control(Arc::new(SimControl(self.host.clone())))
            .config(self.config.clone())
            .start()
            .unwrap()
    }

    /// `None` between a crash and the next start.
    pub(crate) fn registry(&self) -> Option<Registry> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, registry: Option<Registry>) -> Option<Registry> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut running, registry)
    }

    /// Whatever it was doing ends where it stands. What it had begun on the host goes on.
    pub(crate) async fn crash(&self) {
        self.host.note("daemon: crash");
        if let Some(registry) = self.set(None) {
            registry.shutdown().await;
        }
    }

    pub(crate) fn restart(&self) {
        self.host.note("daemon: start");
        self.set(Some(self.new_registry()));
    }

    /// A second one beside it, which has just been started and has no past.
    pub(crate) async fn fresh(&self) -> Registry {
        let registry = self.new_registry();
        registry.ready().await;
        registry
    }

    /// What is not as it is on a healthy day, of the sources.
    pub(crate) fn ailments(&self) -> Vec<String> {
        let Some(registry) = self.registry() else {
            return vec!["the daemon does not run".to_owned()];
        };
        let snapshot = registry.snapshot();
        let sick = snapshot.sources().iter().filter(|source| {
            source.state != SourceState::Running
                || !source.diagnostics.iter().all(is_of_the_past)
                || source.streams.iter().any(|s| s.stale > 0 || s.failure.is_some())
        });
        sick.map(|source| format!("{source:?}")).collect()
    }
}

/// How long the last reading took, in the storm, is true until there is another.
fn is_of_the_past(diagnostic: &Diagnostic) -> bool {
    diagnostic.message.starts_with("slow to be read")
}
