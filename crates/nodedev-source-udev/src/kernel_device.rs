//! A device as the kernel shows it in its own files, without libudev: for kinds of which no field depends on
//! what udevd has added. libudev would take as long as all else that is read of such a device.

use crate::files::Files;
use crate::raw_device::{RawDevice, file_name};

/// Subsystems of such kinds.
const ENOUGH_FOR: [&str; 2] = ["net", "pci"];
/// What the kernel says of a device with a node, of which udevd may know more names.
const OF_NODES: [&str; 2] = ["DEVNAME", "DEVLINKS"];

/// The device, if it is of such a kind and all of its `uevent` file can be used as it is.
///
/// The format is that of the kernel's `Documentation/ABI/testing/sysfs-uevent`: lines of `KEY=VALUE`.
pub(crate) fn kernel_device(syspath: &str, files: &dyn Files) -> Option<RawDevice> {
    let uevent = String::from_utf8(files.contents(&format!("{syspath}/uevent")).ok()?).ok()?;
    let subsystem = match subsystem_of(&uevent, file_name(syspath)) {
        Some(subsystem) => subsystem.to_owned(),
        None => files.link_text_name(&format!("{syspath}/subsystem"))?,
    };
    if !ENOUGH_FOR.contains(&subsystem.as_str()) {
        return None;
    }
    let lines = uevent.lines().filter_map(|line| line.split_once('='));
    let mut device = RawDevice {
        syspath: syspath.to_owned(),
        sysname: file_name(syspath).replace('!', "/"),
        properties: lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..RawDevice::default()
    };
    if OF_NODES.iter().any(|name| device.property(name).is_some()) {
        return None;
    }
    device.devtype = device.property("DEVTYPE").map(str::to_owned);
    device.subsystem = Some(subsystem);
    Some(device)
}

/// The subsystem, where the properties are such as only it writes (`pci_uevent` of the kernel).
fn subsystem_of(uevent: &str, name: &str) -> Option<&'static str> {
    let is_slot = |line: &str| line.strip_prefix("PCI_SLOT_NAME=") == Some(name);
    uevent.lines().any(is_slot).then_some("pci")
}

/// An interface of which its directory tells what it is: the kernel puts an interface into a directory `net` of the
/// device that it belongs to (`get_device_parent` in its driver core), by the name that it has now.
///
/// Only of a device that was found to be a node device before.
pub(crate) fn known_interface(syspath: &str) -> Option<RawDevice> {
    let device = RawDevice { syspath: syspath.to_owned(), ..RawDevice::default() };
    (device.parent_name() == Some("net")).then_some(device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    const PATH: &str = "/sys/devices/virtual/net/eth0";

    fn device(subsystem: &str, uevent: &[u8]) -> Option<RawDevice> {
        let scratch = Scratch::new(PATH)
            .link("subsystem", &format!("../../../../class/{subsystem}"))
            .bytes("uevent", uevent);
        kernel_device(PATH, &scratch)
    }

    #[test]
    fn properties_are_lines_and_values_may_hold_anything() {
        let device =
            device("net", b"INTERFACE=eth0\nDEVTYPE=wlan\nODD==a=b\n\nnonsense\n").unwrap();
        assert_eq!((device.file_name(), device.devtype.as_deref()), ("eth0", Some("wlan")));
        assert_eq!(
            (device.property("INTERFACE"), device.property("ODD")),
            (Some("eth0"), Some("=a=b"))
        );
        assert_eq!(device.properties.len(), 3);
    }

    #[test]
    fn an_interface_lies_below_net() {
        for (path, is_one) in [
            (PATH, true),
            ("/sys/devices/pci0000:00/0000:00:03.0/virtio0/net/ens3", true),
            ("/sys/devices/pci0000:00/0000:00:03.0/net", false),
            ("/sys/devices/net/eth0/queues", false),
        ] {
            assert_eq!(known_interface(path).is_some(), is_one, "{path}");
        }
    }

    #[test]
    fn what_is_not_enough_is_left_to_libudev() {
        assert!(device("block", b"DEVTYPE=disk\n").is_none());
        assert!(device("net", b"INTERFACE=\xff\n").is_none());
        assert!(device("net", b"INTERFACE=eth0\nDEVNAME=net/eth0\n").is_none());
        assert!(device("pci", b"PCI_CLASS=20000\nDEVLINKS=/dev/a\n").is_none());
        assert!(kernel_device(PATH, &Scratch::new(PATH)).is_none());
    }

    #[test]
    fn the_bus_of_a_pci_function_is_in_its_properties() {
        let path = "/sys/devices/pci0000:00/0000:00:1f.2";
        let subsystem = |slot: &str, link: &str| {
            let uevent = format!("PCI_CLASS=10601\nPCI_SLOT_NAME={slot}\n");
            let scratch =
                Scratch::new(path).link("subsystem", link).bytes("uevent", uevent.as_bytes());
            kernel_device(path, &scratch).and_then(|device| device.subsystem)
        };
        assert_eq!(subsystem("0000:00:1f.2", "../nowhere").as_deref(), Some("pci"));
        assert_eq!(subsystem("0000:00:1f.3", "../../../bus/nvme"), None);
    }
}
