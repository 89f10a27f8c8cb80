//! What can be done with a device that is there.

use std::sync::Arc;

use nodedev_registry::{Action, Registry};
use nodedev_types::{Capability, Device, DeviceName};

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

/// Sets whether a defined mediated device starts with its parent. Nothing is done where it is so.
///
/// # Errors
///
/// [`Refusal`]: it is no mediated device, there is no definition, or it cannot be set.
pub async fn set_autostart(
    registry: &Registry,
    name: &DeviceName,
    autostart: bool,
) -> Result<(), Refusal> {
    let device = find(registry, name)?;
    if device.capability() != Some(Capability::Mdev) {
        return Err(Refusal::UnsupportedAutostart);
    }
    if !device.persistent {
        let text = "cannot set autostart for transient device";
        return Err(Refusal::WrongState(text.to_owned()));
    }
    if device.autostart == autostart {
        return Ok(());
    }
    let action = Action::SetAutostart { device: device.id.clone(), autostart };
    let set = registry.perform(action).await;
    set.map(drop).map_err(Refusal::failed("Unable to set autostart on mediated device"))
}

pub(crate) fn find(registry: &Registry, name: &DeviceName) -> Result<Arc<Device>, Refusal> {
    let snapshot = registry.snapshot();
    snapshot.device(name.as_str()).cloned().ok_or_else(|| Refusal::NoSuchDevice(name.clone()))
}

pub(crate) fn require_mdev(device: &Device) -> Result<(), Refusal> {
    match device.capability() {
        Some(Capability::Mdev) => Ok(()),
        _ => Err(Refusal::UnsupportedDevice),
    }
}
