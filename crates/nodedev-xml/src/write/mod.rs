//! Writes documents, byte for byte as libvirt 11.3 prints them.
//!
//! One file per capability, mirrored in `read`. What a file writes is what the fields say: a field
//! that is absent has no element, except where libvirt always prints one, which that file then says.
//! Nothing here looks anything up or changes a value.

mod ap;
mod ccw;
mod ccwgroup;
mod channel;
mod css;
mod drm;
mod identified;
mod mdev;
mod mdev_types;
mod net;
mod output;
mod pci;
mod scsi;
mod scsi_generic;
mod scsi_host;
mod scsi_target;
mod storage;
mod system;
mod usb;
mod usb_device;
mod vdpa;
mod vpd;

use nodedev_types::{Capability, Device, Fields, fields};

use crate::Form;
use output::Output;

pub(crate) use scsi_host::VPORT_OPS;
pub(crate) use scsi_target::FC_REMOTE_PORT;

/// The document of a device.
///
/// An inactive device is written in the inactive form whatever `form` says. Whether a device has an
/// inactive form at all (only a persistent one has) is for the caller to decide.
#[must_use]
pub fn write(device: &Device, form: Form) -> String {
    let mut text = String::with_capacity(1024);
    write_to(&mut text, device, form);
    text
}

/// Appends the document of a device, as [`write()`] makes it.
pub fn write_to(text: &mut String, device: &Device, form: Form) {
    let form = if device.active { form } else { Form::Inactive };
    let fields = &device.fields;
    Output::new(text).element("device").block(|out| {
        out.text("name", Some(device.name.as_str()));
        if form == Form::Live {
            out.text("path", fields.get(fields::device::PATH));
            devnodes(out, fields);
        }
        out.text("parent", device.parent.as_ref().map(|name| name.as_str()));
        if form == Form::Live {
            driver(out, fields);
        }
        if let Some(capability) = device.capability() {
            out.capability(capability.as_str(), |out| {
                content(out, capability, fields, form);
            });
        }
    });
}

fn devnodes(out: &mut Output<'_>, fields: &Fields) {
    if let Some(node) = fields.get(fields::device::DEVNODE) {
        out.element("devnode").attribute("type", "dev").text(node);
    }
    for link in fields.get(fields::device::DEVLINKS).unwrap_or_default() {
        out.element("devnode").attribute("type", "link").text(link);
    }
}

fn driver(out: &mut Output<'_>, fields: &Fields) {
    if let Some(name) = fields.get(fields::device::DRIVER) {
        out.element("driver").block(|out| out.text("name", Some(name)));
    }
}

/// What is inside the main capability.
fn content(out: &mut Output<'_>, capability: Capability, fields: &Fields, form: Form) {
    match capability {
        Capability::System => system::write(out, fields),
        Capability::Pci => pci::write(out, fields),
        Capability::UsbDevice => usb_device::write(out, fields),
        Capability::Usb => usb::write(out, fields),
        Capability::Net => net::write(out, fields),
        Capability::ScsiHost => scsi_host::write(out, fields),
        Capability::ScsiTarget => scsi_target::write(out, fields),
        Capability::Scsi => scsi::write(out, fields),
        Capability::Storage => storage::write(out, fields),
        Capability::ScsiGeneric => scsi_generic::write(out, fields),
        Capability::Drm => drm::write(out, fields),
        // The block is nested here as in any other parent, so the capability appears twice.
        Capability::MdevTypes => mdev_types::write(out, fields),
        Capability::Mdev => mdev::write(out, fields, form),
        Capability::Ccw => ccw::write(out, fields),
        Capability::Css => css::write(out, fields),
        Capability::Ccwgroup => ccwgroup::write(out, fields),
        Capability::Vdpa => vdpa::write(out, fields),
        Capability::ApCard => ap::card(out, fields),
        Capability::ApQueue => ap::queue(out, fields),
        Capability::ApMatrix => ap::matrix(out, fields),
        // Nested ones are no device's main capability.
        _ => (),
    }
}
