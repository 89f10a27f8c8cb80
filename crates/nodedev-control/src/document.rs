//! Making a device that a document describes.

use std::sync::Arc;

use nodedev_registry::{Action, ActionError, MdevConfig, Registry};
use nodedev_types::fields::device::ADDRESS;
use nodedev_types::{Device, DeviceId, DeviceName};
use nodedev_xml::{Request, Wanted, read_change, read_request, validate};

use crate::refusal::Refusal;
use crate::vport;

/// How closely a document is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scrutiny {
    /// What is not needed is passed over.
    #[default]
    Lax,
    /// All of it has to have the form that libvirt's schema asks for.
    Schema,
}

/// A mediated device as a document wants it, its parent looked up.
#[derive(Debug)]
pub(crate) struct Mdev {
    pub(crate) parent: String,
    pub(crate) uuid: Option<String>,
    pub(crate) config: MdevConfig,
}

impl Mdev {
    /// The identity, where the document chooses the uuid.
    pub(crate) fn id(&self) -> Option<DeviceId> {
        Some(DeviceId::mdev(self.uuid.as_deref()?, &self.parent))
    }
}

/// Makes or changes the definition of a mediated device; tells its name.
///
/// What has a definition of this uuid below this parent is defined anew and keeps its autostart. A
/// running device gets a definition and goes on running.
///
/// # Errors
///
/// [`Refusal`]: the document is at fault, is about something else, its parent is none, or the
/// definition cannot be made.
pub async fn define(
    registry: &Registry,
    document: &str,
    scrutiny: Scrutiny,
) -> Result<DeviceName, Refusal> {
    let request = request(document, scrutiny)?;
    let Wanted::Mdev { .. } = &request.wanted else {
        return Err(Refusal::UnsupportedDevice);
    };
    let mdev = mdev(registry, request)?;
    let known = mdev.id().and_then(|id| registry.snapshot().device_of(&id).cloned());
    let action = match known {
        Some(device) if device.persistent => {
            let config = MdevConfig { autostart: device.autostart, ..mdev.config };
            Action::Modify { device: device.id.clone(), config, live: false, defined: true }
        }
        _ => Action::Define { parent: mdev.parent, uuid: mdev.uuid, config: mdev.config },
    };
    let what = "Unable to define mediated device";
    named(registry.perform(action).await.map_err(Refusal::failed(what))?, what)
}

/// Starts a mediated device that gets no definition, or makes a virtual port of a Fibre Channel host;
/// tells its name.
///
/// # Errors
///
/// [`Refusal`]: the document is at fault, is about something else, its parent is none, or the device
/// cannot be made.
pub async fn create(
    registry: &Registry,
    document: &str,
    scrutiny: Scrutiny,
) -> Result<DeviceName, Refusal> {
    let request = request(document, scrutiny)?;
    match &request.wanted {
        Wanted::Mdev { .. } => {}
        Wanted::ScsiHost(_) => return vport::create(registry, request).await,
        _ => return Err(Refusal::UnsupportedDevice),
    }
    let Mdev { parent, uuid, config } = mdev(registry, request)?;
    let what = "Unable to start mediated device";
    let created = registry.perform(Action::Create { parent, uuid, config }).await;
    named(created.map_err(Refusal::failed(what))?, what)
}

/// What the document asks for. Its form is judged before what it says.
fn request(document: &str, scrutiny: Scrutiny) -> Result<Request, Refusal> {
    match scrutiny {
        Scrutiny::Lax => {}
        Scrutiny::Schema => validate(document)?,
    }
    Ok(read_request(document)?)
}

/// What the document asks to be changed, which is always judged by its form too.
pub(crate) fn change(document: &str) -> Result<Request, Refusal> {
    validate(document)?;
    Ok(read_change(document)?)
}

/// What the document wants of a mediated device; its parent must be known and have an address.
pub(crate) fn mdev(registry: &Registry, request: Request) -> Result<Mdev, Refusal> {
    let Request { parent, wanted: Wanted::Mdev { uuid, mdev_type, attributes }, .. } = request
    else {
        return Err(Refusal::UnsupportedDevice);
    };
    let parent = parent.ok_or(Refusal::NoParent)?;
    let snapshot = registry.snapshot();
    let device = snapshot.device(&parent).ok_or(Refusal::UnknownParent(parent))?;
    let address = device.fields.get(ADDRESS);
    let address = address.ok_or_else(|| Refusal::ParentWithoutAddress(device.name.clone()))?;
    // A document says nothing of it.
    let config = MdevConfig { mdev_type, attributes, autostart: false };
    Ok(Mdev { parent: address.to_owned(), uuid, config })
}

/// The name of what was made. It may have gone again already, which is nobody's fault here.
pub(crate) fn named(
    device: Option<Arc<Device>>,
    what: &'static str,
) -> Result<DeviceName, Refusal> {
    device
        .map(|device| device.name.clone())
        .ok_or_else(|| Refusal::Failed { what, error: ActionError::Broken("named no device") })
}
