//! From a raw device to fields, one file for each kind. Pure but for the files of the one device.
//!
//! A new kind starts here with a row in [`kind`].

mod drm;
mod mdev;
mod mdev_types;
mod net;
mod net_features;
mod pci;
mod s390;
mod scsi;
mod scsi_generic;
mod scsi_host;
mod scsi_target;
mod storage;
mod system;
mod usb;
mod usb_device;
mod vdpa;

use nodedev_types::fields::device;
use nodedev_types::{Capability, DeviceId};

use crate::files::Files;
use crate::raw_device::RawDevice;
use crate::reading::{Reading, Refusal};

pub(crate) use mdev_types::mdev_bus_name;
pub(crate) use net::translate_known as translate_known_interface;
pub(crate) use system::{DMI, computer};

/// Reads all fields of a device of that kind.
pub(crate) fn translate(capability: Capability, reading: &mut Reading<'_>) -> Result<(), Refusal> {
    common(capability, reading);
    kind(capability, reading)
}

/// Reads the fields of a device of that kind that are read again for each document, and maybe others.
pub(crate) fn translate_again(
    capability: Capability,
    reading: &mut Reading<'_>,
) -> Result<(), Refusal> {
    common(capability, reading);
    match capability {
        Capability::Net => net::translate_again(reading),
        _ => kind(capability, reading),
    }
}

fn kind(capability: Capability, reading: &mut Reading<'_>) -> Result<(), Refusal> {
    match capability {
        Capability::Pci => pci::translate(reading),
        Capability::UsbDevice => usb_device::translate(reading),
        Capability::Usb => usb::translate(reading),
        Capability::Net => net::translate(reading),
        Capability::ScsiHost => scsi_host::translate(reading),
        Capability::ScsiTarget => scsi_target::translate(reading),
        Capability::Scsi => scsi::translate(reading),
        Capability::Storage => storage::translate(reading),
        Capability::ScsiGeneric => scsi_generic::translate(reading),
        Capability::Drm => drm::translate(reading),
        Capability::MdevTypes => mdev_types::translate(reading),
        Capability::Mdev => mdev::translate(reading),
        Capability::Ccw => s390::ccw(reading),
        Capability::Css => s390::css(reading),
        Capability::Ccwgroup => s390::ccwgroup(reading),
        Capability::ApCard => s390::ap_card(reading),
        Capability::ApQueue => s390::ap_queue(reading),
        Capability::ApMatrix => s390::ap_matrix(reading),
        Capability::Vdpa => vdpa::translate(reading),
        _ => Err(Refusal::NotADevice),
    }
}

/// The identity of a device of that kind.
pub(crate) fn identity(capability: Capability, reading: &Reading<'_>) -> Result<DeviceId, Refusal> {
    let raw = reading.device;
    if capability == Capability::Mdev {
        let parent = raw.parent_name().ok_or(Refusal::NotADevice)?;
        return Ok(DeviceId::mdev(raw.file_name(), parent));
    }
    DeviceId::sysfs(&raw.syspath).map_err(|_| Refusal::NotADevice)
}

fn common(capability: Capability, reading: &mut Reading<'_>) {
    let raw = reading.device;
    let links = reading.property("DEVLINKS").unwrap_or_default();
    let mut devlinks: Vec<String> = links.split_whitespace().map(str::to_owned).collect();
    devlinks.sort_unstable();
    devlinks.dedup();
    let driver = driver(raw, reading.files);
    let fields = &mut reading.fields;
    fields.set(device::CAPABILITY, capability);
    fields.set(device::PATH, raw.syspath.as_str());
    fields.set_opt(device::DEVNODE, raw.devnode.as_deref());
    fields.set_opt(device::DEVLINKS, Some(devlinks).filter(|links| !links.is_empty()));
    fields.set_opt(device::DRIVER, driver);
    fields.set_opt(device::SUBSYSTEM, raw.subsystem.as_deref());
}

/// The driver that the device is bound to: what the link of that name leads to. Where the kernel says the same in
/// the device's properties, that is there.
fn driver(raw: &RawDevice, files: &dyn Files) -> Option<String> {
    let link = raw.file("driver");
    match raw.property("DRIVER") {
        Some(bound) if files.link_text_name(&link).as_deref() == Some(bound) => {
            Some(bound.to_owned())
        }
        _ => files.link_name(&link),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use nodedev_types::Fields;

    use super::*;
    use crate::classify::classify;
    use crate::scratch::{NoNames, Scratch};

    /// Classifies and translates.
    pub(crate) fn read(scratch: &Scratch) -> Result<Fields, Refusal> {
        let capability = classify(&scratch.device).ok_or(Refusal::NotADevice)?;
        let mut reading = Reading::new(&scratch.device, scratch, &NoNames);
        translate(capability, &mut reading)?;
        Ok(reading.fields)
    }

    /// The diagnostic of a device that must be unreadable.
    pub(crate) fn unreadable(scratch: &Scratch) -> String {
        match read(scratch) {
            Err(Refusal::Unreadable(diagnostic)) => diagnostic.to_string(),
            other => panic!("not unreadable: {other:?}"),
        }
    }

    #[test]
    fn links_are_sorted_bytewise_and_come_once() {
        let scratch = Scratch::new("/sys/devices/x/sg0")
            .subsystem("scsi_generic")
            .devnode("/dev/sg0")
            .property("DEVLINKS", "/dev/z /dev/a  /dev/Z /dev/a")
            .link("driver", "/sys/bus/x/drivers/sd");
        let fields = read(&scratch).unwrap();
        assert_eq!(fields.get(device::DEVLINKS).unwrap(), ["/dev/Z", "/dev/a", "/dev/z"]);
        assert_eq!(fields.get(device::DRIVER), Some("sd"));
        assert_eq!(fields.get(device::DEVNODE), Some("/dev/sg0"));
        assert_eq!(fields.get(device::SUBSYSTEM), Some("scsi_generic"));
    }
}
