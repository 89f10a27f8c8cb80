//! Changing the configuration of a device that is there.

use nodedev_registry::{Action, MdevConfig, Registry};
use nodedev_types::fields::mdev::TYPE;
use nodedev_types::{Device, DeviceId, DeviceName};

use crate::device::{find, require_mdev};
use crate::document::{Mdev, change, mdev};
use crate::refusal::Refusal;

/// What of a device is to be changed. Neither means: the running device if it runs, else the
/// definition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Update {
    /// The running device.
    pub live: bool,
    /// The definition.
    pub config: bool,
}

/// Changes the configuration of a mediated device to that of a document, which has to have the form that
/// libvirt's schema asks for. The definition keeps its autostart.
///
/// # Errors
///
/// [`Refusal`]: the device is in another state or of another kind, the document is at fault or about
/// another device, or the change cannot be made.
pub async fn update(
    registry: &Registry,
    name: &DeviceName,
    document: &str,
    update: Update,
) -> Result<(), Refusal> {
    let device = find(registry, name)?;
    let wanted = mdev(registry, change(document)?)?;
    require_mdev(&device)?;
    let Update { live, config } = chosen(&device, update)?;
    check_same(&device, &wanted, live)?;
    let wanted = MdevConfig { autostart: device.autostart, ..wanted.config };
    let action =
        Action::Modify { device: device.id.clone(), config: wanted, live, defined: config };
    let changed = registry.perform(action).await;
    changed.map(drop).map_err(Refusal::failed("Unable to modify mediated device"))
}

fn chosen(device: &Device, update: Update) -> Result<Update, Refusal> {
    let update = match update {
        Update { live: false, config: false } => {
            Update { live: device.active, config: !device.active }
        }
        chosen => chosen,
    };
    let refused = |text: &str| Err(Refusal::WrongState(text.to_owned()));
    if update.live && !device.active {
        return refused("node device is not active");
    }
    if update.config && !device.persistent {
        return refused("transient node devices do not have any persistent config");
    }
    Ok(update)
}

/// Identity is not to be changed, nor the type of what runs.
fn check_same(device: &Device, wanted: &Mdev, live: bool) -> Result<(), Refusal> {
    let DeviceId::Mdev { uuid, parent } = &device.id else {
        return Err(Refusal::UnsupportedDevice);
    };
    let mismatch = |what, current: &str| {
        Err(Refusal::Mismatch { device: device.name.clone(), what, current: current.to_owned() })
    };
    if wanted.uuid.as_deref() != Some(uuid.as_str()) {
        return mismatch("uuid", uuid.as_str());
    }
    if wanted.parent.as_str() != parent.as_ref() {
        return mismatch("parent address", parent);
    }
    match device.fields.get(TYPE) {
        Some(current) if live && current != wanted.config.mdev_type => mismatch("type", current),
        _ => Ok(()),
    }
}
