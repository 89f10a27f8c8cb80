//! Which devices of the kernel are node devices, and of which kind. Pure: looks at no file.

use nodedev_types::Capability;

use crate::raw_device::RawDevice;

/// Subsystems whose devices are never looked at.
pub(crate) const IGNORED_SUBSYSTEMS: [&str; 4] = ["acpi", "tty", "vc", "i2c"];

/// The kind of a device, or `None` for one that is no node device by its properties.
///
/// A device of which this says nothing may still be a parent of mediated devices; that shows in
/// `/sys/class/mdev_bus` only.
pub(crate) fn classify(device: &RawDevice) -> Option<Capability> {
    match device.devtype.as_deref() {
        Some(devtype) => by_devtype(devtype),
        None => by_properties(device),
    }
}

fn by_devtype(devtype: &str) -> Option<Capability> {
    Some(match devtype {
        "usb_device" => Capability::UsbDevice,
        "usb_interface" => Capability::Usb,
        "wlan" => Capability::Net,
        "scsi_host" => Capability::ScsiHost,
        "scsi_target" => Capability::ScsiTarget,
        "scsi_device" => Capability::Scsi,
        "disk" => Capability::Storage,
        "drm_minor" => Capability::Drm,
        "ap_card" => Capability::ApCard,
        "ap_queue" => Capability::ApQueue,
        "qeth_generic" | "qeth_layer2" | "qeth_layer3" => Capability::Ccwgroup,
        _ => return None,
    })
}

/// The subsystem decides before the properties, INTERFACE before PCI_CLASS.
fn by_properties(device: &RawDevice) -> Option<Capability> {
    if let Some(capability) = device.subsystem.as_deref().and_then(by_subsystem) {
        return Some(capability);
    }
    if device.property("INTERFACE").is_some() {
        return Some(Capability::Net);
    }
    device.property("PCI_CLASS").map(|_| Capability::Pci)
}

fn by_subsystem(subsystem: &str) -> Option<Capability> {
    Some(match subsystem {
        "scsi_generic" => Capability::ScsiGeneric,
        "mdev" => Capability::Mdev,
        "ccw" => Capability::Ccw,
        "css" => Capability::Css,
        "vdpa" => Capability::Vdpa,
        "matrix" => Capability::ApMatrix,
        "mtty" => Capability::MdevTypes,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(devtype: Option<&str>, subsystem: &str, properties: &[&str]) -> RawDevice {
        RawDevice {
            devtype: devtype.map(str::to_owned),
            subsystem: Some(subsystem.to_owned()),
            properties: properties.iter().map(|name| ((*name).to_owned(), String::new())).collect(),
            ..RawDevice::default()
        }
    }

    #[test]
    fn a_device_type_decides_alone() {
        let rows = [
            ("usb_device", Some(Capability::UsbDevice)),
            ("usb_interface", Some(Capability::Usb)),
            ("wlan", Some(Capability::Net)),
            ("scsi_host", Some(Capability::ScsiHost)),
            ("scsi_target", Some(Capability::ScsiTarget)),
            ("scsi_device", Some(Capability::Scsi)),
            ("disk", Some(Capability::Storage)),
            ("drm_minor", Some(Capability::Drm)),
            ("ap_card", Some(Capability::ApCard)),
            ("ap_queue", Some(Capability::ApQueue)),
            ("qeth_generic", Some(Capability::Ccwgroup)),
            ("qeth_layer2", Some(Capability::Ccwgroup)),
            ("qeth_layer3", Some(Capability::Ccwgroup)),
            ("partition", None),
            ("bridge", None),
            ("vlan", None),
            ("wwan", None),
            ("drm_connector", None),
        ];
        for (devtype, expected) in rows {
            let device = device(Some(devtype), "mdev", &["PCI_CLASS", "INTERFACE"]);
            assert_eq!(classify(&device), expected, "{devtype}");
        }
    }

    #[test]
    fn without_a_device_type_the_last_hit_counts() {
        let rows: [(&str, &[&str], Option<Capability>); 13] = [
            ("pci", &["PCI_CLASS"], Some(Capability::Pci)),
            ("net", &["INTERFACE"], Some(Capability::Net)),
            ("x", &["PCI_CLASS", "INTERFACE"], Some(Capability::Net)),
            ("scsi_generic", &[], Some(Capability::ScsiGeneric)),
            ("mdev", &["PCI_CLASS", "INTERFACE"], Some(Capability::Mdev)),
            ("ccw", &[], Some(Capability::Ccw)),
            ("css", &["DRIVER"], Some(Capability::Css)),
            ("vdpa", &[], Some(Capability::Vdpa)),
            ("matrix", &[], Some(Capability::ApMatrix)),
            ("mtty", &[], Some(Capability::MdevTypes)),
            ("mdpy", &[], None),
            ("ccwgroup", &[], None),
            ("net", &[], None),
        ];
        for (subsystem, properties, expected) in rows {
            assert_eq!(
                classify(&device(None, subsystem, properties)),
                expected,
                "{subsystem} {properties:?}"
            );
        }
    }
}
