//! What can be done with a device that is there.

use std::sync::Arc;

use nodedev_registry::{Action, Registry, Snapshot, SourceState, SourceStatus};
use nodedev_types::{Capability, Device, DeviceName, Presence};

use crate::refusal::Refusal;
use crate::vport;

/// Starts a defined mediated device.
///
/// # Errors
///
/// [`Refusal`]: it is active, is no mediated device, or cannot be started.
pub async fn start(registry: &Registry, name: &DeviceName) -> Result<(), Refusal> {
    let device = find(registry, name)?;
    if device.active {
        return Err(Refusal::WrongState("Device is already active".to_owned()));
    }
    require_mdev(&device)?;
    let started = registry.perform(Action::Start(device.id.clone())).await;
    started.map(drop).map_err(Refusal::failed("Unable to create mediated device"))
}

/// Stops a mediated device, or removes a virtual port of a Fibre Channel host.
///
/// # Errors
///
/// [`Refusal`]: it is not active, is neither of the two, is in use, or cannot be stopped.
pub async fn stop(registry: &Registry, name: &DeviceName) -> Result<(), Refusal> {
    let device = find(registry, name)?;
    if !device.active {
        return Err(Refusal::WrongState(format!("Device '{name}' is not active")));
    }
    if device.capability() == Some(Capability::ScsiHost) {
        return vport::delete(registry, &device).await;
    }
    require_mdev(&device)?;
    let stopped = registry.perform(Action::Stop(device.id.clone())).await;
    stopped.map(drop).map_err(Refusal::failed("Unable to stop mediated device"))
}

/// Removes the definition of a mediated device, which may be running.
///
/// # Errors
///
/// [`Refusal`]: there is no definition, it is no mediated device, or cannot be undefined.
pub async fn undefine(registry: &Registry, name: &DeviceName) -> Result<(), Refusal> {
    let device = find(registry, name)?;
    if !device.persistent {
        return Err(Refusal::WrongState(format!("Node device '{name}' is not defined")));
    }
    require_mdev(&device)?;
    let undefined = registry.perform(Action::Undefine(device.id.clone())).await;
    undefined.map(drop).map_err(Refusal::failed("Unable to undefine mediated device"))
}

/// Sets whether a defined mediated device starts with its parent. Nothing is done where the list says that
/// it is so, unless what it knows of definitions may be out of date.
///
/// # Errors
///
/// [`Refusal`]: it is no mediated device, there is no definition, or it cannot be set.
pub async fn set_autostart(
    registry: &Registry,
    name: &DeviceName,
    autostart: bool,
) -> Result<(), Refusal> {
    let snapshot = registry.snapshot();
    let device = find_in(&snapshot, name)?;
    if device.capability() != Some(Capability::Mdev) {
        return Err(Refusal::UnsupportedAutostart);
    }
    if !device.persistent {
        let text = "cannot set autostart for transient device";
        return Err(Refusal::WrongState(text.to_owned()));
    }
    if device.autostart == autostart && knows_definitions(&snapshot) {
        return Ok(());
    }
    let action = Action::SetAutostart { device: device.id.clone(), autostart };
    let set = registry.perform(action).await;
    set.map(drop).map_err(Refusal::failed("Unable to set autostart on mediated device"))
}

pub(crate) fn find(registry: &Registry, name: &DeviceName) -> Result<Arc<Device>, Refusal> {
    find_in(&registry.snapshot(), name)
}

fn find_in(snapshot: &Snapshot, name: &DeviceName) -> Result<Arc<Device>, Refusal> {
    snapshot.device(name.as_str()).cloned().ok_or_else(|| Refusal::NoSuchDevice(name.clone()))
}

/// Whether nothing says that what is listed of definitions may be older than they are.
fn knows_definitions(snapshot: &Snapshot) -> bool {
    let tells_of_them = |source: &SourceStatus| {
        source.streams.iter().any(|stream| stream.presence == Presence::Defined)
    };
    let is_current = |source: &SourceStatus| {
        source.state == SourceState::Running
            && source.stale.is_none()
            && source.streams.iter().all(|stream| stream.failure.is_none() && stream.stale == 0)
    };
    snapshot.sources().iter().filter(|source| tells_of_them(source)).all(is_current)
}

pub(crate) fn require_mdev(device: &Device) -> Result<(), Refusal> {
    match device.capability() {
        Some(Capability::Mdev) => Ok(()),
        _ => Err(Refusal::UnsupportedDevice),
    }
}
