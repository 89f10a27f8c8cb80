#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use std::sync::Arc;

use nodedev_registry::{Registry, RegistryConfig, RegistryError};
use nodedev_source::{NodeDeviceControl, NodeDeviceSource};
use nodedev_source_mdevctl::{MdevctlConfig, MdevctlSource};
use nodedev_source_udev::{UdevConfig, UdevSource};

pub use nodedev_registry as registry;
pub use nodedev_source_mdevctl as mdevctl;
pub use nodedev_source_udev as udev;

/// Settings of everything that the driver wires together. The defaults suit a real host.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DriverConfig {
    /// Settings of the udev source.
    pub udev: UdevConfig,
    /// Settings of the mdevctl source.
    pub mdevctl: MdevctlConfig,
    /// Deadlines and bounds of the registry.
    pub registry: RegistryConfig,
}

/// Starts a registry over udev, mdevctl and the given further sources on the current tokio runtime.
///
/// # Errors
///
/// [`RegistryError`] when a further source has the name of another or could tie with one on a field.
pub fn start(
    config: DriverConfig,
    further: impl IntoIterator<Item = Arc<dyn NodeDeviceSource>>,
) -> Result<Registry, RegistryError> {
    start_through(config, further, Ok)
}

/// Sources, as a registry takes them.
pub type Sources = Vec<Arc<dyn NodeDeviceSource>>;

/// The same over what `through` makes of the sources: recorded ones, for example.
///
/// # Errors
///
/// As for [`start`], or what `through` gives.
pub fn start_through<E: From<RegistryError>>(
    config: DriverConfig,
    further: impl IntoIterator<Item = Arc<dyn NodeDeviceSource>>,
    through: impl FnOnce(Sources) -> Result<Sources, E>,
) -> Result<Registry, E> {
    let udev = Arc::new(UdevSource::new(config.udev));
    let mdevctl = Arc::new(MdevctlSource::new(config.mdevctl));
    let builder = Registry::builder()
        .config(config.registry)
        .control(Arc::clone(&udev) as Arc<dyn NodeDeviceControl>)
        .control(Arc::clone(&mdevctl) as Arc<dyn NodeDeviceControl>);
    let mut sources: Sources = vec![udev, mdevctl];
    sources.extend(further);
    let builder = through(sources)?.into_iter().fold(builder, |all, one| all.source(one));
    Ok(builder.start()?)
}
