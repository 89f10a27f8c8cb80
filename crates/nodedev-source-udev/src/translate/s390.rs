//! The kinds that only s390 has: who qualifies, and the addresses of possible parents.

use nodedev_types::fields::{device, mdev_types};

use super::mdev_types::types;
use crate::number;
use crate::reading::{Base, Reading, Refusal};

/// Drivers whose subchannels are devices.
const CSS_DRIVERS: [&str; 2] = ["io_subchannel", "vfio_ccw"];

pub(super) fn ccw(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    bus_address(reading)?;
    match reading.signed("online", Base::Auto)? {
        Some(online) if online < 0 => Err(reading.not_a("state", "online", &online.to_string())),
        _ => Ok(()),
    }
}

/// The driver of this moment decides, so a subchannel that is bound to another one goes.
pub(super) fn css(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let driver = reading.property("DRIVER").unwrap_or_default();
    if !CSS_DRIVERS.contains(&driver.as_str()) {
        return Err(Refusal::NotADevice);
    }
    let address = bus_address(reading)?;
    let types = types(reading)?;
    reading.fields.set(device::ADDRESS, address);
    reading.fields.set_opt(mdev_types::TYPES, types);
    Ok(())
}

pub(super) fn ccwgroup(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let entries = reading.files.entries(&reading.device.syspath).unwrap_or_default();
    let is_member = |name: &String| {
        name.starts_with("cdev") && reading.files.link_name(&reading.path_of(name)).is_some()
    };
    if !entries.iter().any(is_member) {
        return Err(reading.unreadable("cdev0", "group has no member"));
    }
    // A group without a readable address stays a device.
    let address = bus_address(reading).ok();
    reading.fields.set_opt(device::ADDRESS, address);
    Ok(())
}

pub(super) fn ap_card(reading: &Reading<'_>) -> Result<(), Refusal> {
    let name = reading.device.file_name();
    match name.strip_prefix("card").and_then(|number| number::unsigned(number, 16)) {
        Some(_) => Ok(()),
        None => Err(reading.not_a("name of a crypto card", "name", name)),
    }
}

pub(super) fn ap_queue(reading: &Reading<'_>) -> Result<(), Refusal> {
    let name = reading.device.file_name();
    match dotted::<2>(name) {
        Some(_) => Ok(()),
        None => Err(reading.not_a("name of a crypto queue", "name", name)),
    }
}

pub(super) fn ap_matrix(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let types = types(reading)?;
    let address = reading.device.sysname.as_str();
    reading.fields.set(device::ADDRESS, address);
    reading.fields.set_opt(mdev_types::TYPES, types);
    Ok(())
}

/// `C.S.DDDD` from the name of the device, as libvirt prints it.
fn bus_address(reading: &Reading<'_>) -> Result<String, Refusal> {
    let name = reading.device.file_name();
    match dotted(name) {
        Some([cssid, ssid, devno]) => Ok(format!("{cssid:x}.{ssid:x}.{devno:04x}")),
        None => Err(reading.not_a("channel address", "name", name)),
    }
}

/// Hexadecimal numbers with a dot between them; libvirt does not look at what is behind them.
fn dotted<const N: usize>(name: &str) -> Option<[u32; N]> {
    let mut numbers = [0; N];
    let mut rest = name;
    for (place, number) in numbers.iter_mut().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix('.')?;
        }
        (*number, rest) = number::leading(rest, 16)?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    #[test]
    fn a_subchannel_qualifies_by_its_driver() {
        let css = Scratch::new("/sys/devices/css0/0.0.0052").subsystem("css");
        assert!(matches!(read(&css), Err(Refusal::NotADevice)));
        let css = css.property("DRIVER", "vfio_ccw");
        assert_eq!(read(&css).unwrap().get(device::ADDRESS), Some("0.0.0052"));
        let css = css.property("DRIVER", "chsc_subchannel");
        assert!(matches!(read(&css), Err(Refusal::NotADevice)));
    }

    #[test]
    fn a_group_needs_a_member() {
        let group = Scratch::new("/sys/devices/qeth/0.0.bd00").devtype("qeth_layer2");
        assert!(unreadable(&group).contains("member"));
        let group = group.directory("/sys/devices/qeth/0.0.bd00", &["uevent", "cdev0"]);
        assert!(unreadable(&group).contains("member"));
        let group = group.link("cdev0", "/sys/devices/css0/0.0.0000/0.0.bd00");
        assert_eq!(read(&group).unwrap().get(device::ADDRESS), Some("0.0.bd00"));
    }

    #[test]
    fn names_of_crypto_devices_are_checked() {
        for (path, devtype, good) in [
            ("/sys/devices/ap/card0a", "ap_card", true),
            ("/sys/devices/ap/cardx", "ap_card", false),
            ("/sys/devices/ap/card0a/0a.00f3", "ap_queue", true),
            ("/sys/devices/ap/card0a/0a", "ap_queue", false),
            ("/sys/devices/ap/card0a/0x1.2x", "ap_queue", true),
            ("/sys/devices/ap/card0a/1.", "ap_queue", false),
            ("/sys/devices/ap/card1g", "ap_card", false),
        ] {
            let device = Scratch::new(path).devtype(devtype);
            assert_eq!(read(&device).is_ok(), good, "{path}");
        }
    }

    #[test]
    fn a_channel_device_has_a_state_that_is_no_garbage() {
        let ccw = Scratch::new("/sys/devices/css0/0.0.0052/0.0.ff02").subsystem("ccw");
        assert!(read(&ccw).is_ok());
        assert!(unreadable(&ccw.attribute("online", "-1\n")).contains("online"));
    }

    #[test]
    fn an_address_is_three_hexadecimal_numbers() {
        let css = |name: &str| {
            Scratch::new(&format!("/sys/devices/css0/{name}"))
                .subsystem("css")
                .property("DRIVER", "vfio_ccw")
        };
        for (name, address) in [("fe.1.FFFF", "fe.1.ffff"), ("0.0.5x", "0.0.0005")] {
            assert_eq!(read(&css(name)).unwrap().get(device::ADDRESS), Some(address));
        }
        for bad in ["0.0", "x.0.1", "0.0.100000000", "0.0 .1"] {
            assert!(unreadable(&css(bad)).contains(bad));
        }
    }

    #[test]
    fn the_matrix_is_called_by_its_name() {
        let matrix = Scratch::new("/sys/devices/vfio_ap/matrix").subsystem("matrix");
        assert_eq!(read(&matrix).unwrap().get(device::ADDRESS), Some("matrix"));
    }
}
