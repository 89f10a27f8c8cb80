//! The kinds that only s390 has: channel devices, their subchannels and groups; crypto devices.

use std::fmt;

use nodedev_types::fields::{ap_card, ap_queue, ccw, ccwgroup, css, device, mdev_types};
use nodedev_types::{CcwgroupMember, DeviceName, Fields, Key};

use super::mdev_types::types;
use crate::number;
use crate::reading::{Base, Reading, Refusal, shown};

/// Drivers whose subchannels are devices.
const CSS_DRIVERS: [&str; 2] = ["io_subchannel", "vfio_ccw"];

pub(super) fn ccw(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let address = bus_address(reading)?;
    let online = reading.signed("online", Base::Auto)?.unwrap_or(0);
    if online < 0 {
        return Err(reading.not_a("state", "online", &online.to_string()));
    }
    let group = reading.files.link_name(&reading.path_of("group_device"));
    let group = group.map(|group| DeviceName::compose("ccwgroup", &group, None));
    let fields = &mut reading.fields;
    fields.set_opt(ccw::STATE, state(online));
    address.into_fields(fields, (ccw::CSSID, ccw::SSID, ccw::DEVNO));
    fields.set_opt(ccw::GROUP_DEVICE, group.as_ref().map(DeviceName::as_str));
    Ok(())
}

/// The driver of this moment decides, so a subchannel that is bound to another one goes.
pub(super) fn css(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let driver = reading.property("DRIVER").unwrap_or_default();
    if !CSS_DRIVERS.contains(&driver.as_str()) {
        return Err(Refusal::NotADevice);
    }
    let address = bus_address(reading)?;
    let behind = device_behind(reading)?;
    let types = types(reading)?;
    let fields = &mut reading.fields;
    fields.set(device::ADDRESS, address.to_string());
    address.into_fields(fields, (css::CSSID, css::SSID, css::DEVNO));
    if let Some(behind) = behind {
        let keys = (css::CHANNEL_CSSID, css::CHANNEL_SSID, css::CHANNEL_DEVNO);
        behind.into_fields(fields, keys);
    }
    fields.set_opt(mdev_types::TYPES, types);
    Ok(())
}

/// The device behind a subchannel, if it has one.
fn device_behind(reading: &mut Reading<'_>) -> Result<Option<BusAddress>, Refusal> {
    let Some(name) = reading.text("dev_busid")?.filter(|name| name != "none") else {
        return Ok(None);
    };
    let address = BusAddress::from_name(&name);
    if address.is_none() {
        reading.warn("dev_busid", format!("not a channel address: `{}`", shown(&name)));
    }
    Ok(address)
}

pub(super) fn ccwgroup(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let members = members(reading);
    if members.is_empty() {
        return Err(reading.unreadable("cdev0", "group has no member"));
    }
    // A group without a readable address stays a device.
    let address = bus_address(reading).ok();
    let online = group_online(reading)?;
    let card_type = reading.text("card_type")?;
    let chpid = reading.text("chpid")?;
    let kind = reading.device.devtype.as_deref();
    let fields = &mut reading.fields;
    fields.set_opt(ccwgroup::STATE, state(online));
    if let Some(address) = address {
        fields.set(device::ADDRESS, address.to_string());
        address.into_fields(fields, (ccwgroup::CSSID, ccwgroup::SSID, ccwgroup::DEVNO));
    }
    fields.set(ccwgroup::MEMBERS, members);
    fields.set_opt(ccwgroup::TYPE, kind);
    fields.set_opt(ccwgroup::CARD_TYPE, card_type);
    fields.set_opt(ccwgroup::CHPID, chpid);
    Ok(())
}

/// The devices that the links `cdev*` lead to, in the order of the directory.
fn members(reading: &Reading<'_>) -> Vec<CcwgroupMember> {
    let entries = reading.files.entries(&reading.device.syspath).unwrap_or_default();
    let links = entries.into_iter().filter(|name| name.starts_with("cdev"));
    links
        .filter_map(|reference| {
            let target = reading.files.link_name(&reading.path_of(&reference))?;
            Some(CcwgroupMember { reference, device: DeviceName::compose("ccw", &target, None) })
        })
        .collect()
}

/// A group whose state is missing or no state at all is taken as offline.
fn group_online(reading: &mut Reading<'_>) -> Result<i32, Refusal> {
    let Some(text) = reading.raw_attribute("online")? else {
        return Ok(0);
    };
    match number::signed(&text, 0) {
        Some(online) if online >= 0 => Ok(online),
        _ => {
            reading.warn("online", format!("not a state: `{}`", shown(&text)));
            Ok(0)
        }
    }
}

/// The word for a state; there is none for states that the kernel may add.
const fn state(online: i32) -> Option<&'static str> {
    match online {
        0 => Some("offline"),
        1 => Some("online"),
        _ => None,
    }
}

pub(super) fn ap_card(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let name = reading.device.file_name();
    // libvirt does not look at the four characters before the number.
    let number = name.get("card".len()..).and_then(|number| number::unsigned(number, 16));
    let Some(number) = number else {
        return Err(reading.not_a("name of a crypto card", "name", name));
    };
    reading.fields.set(ap_card::AP_ADAPTER, u64::from(number));
    Ok(())
}

pub(super) fn ap_queue(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let name = reading.device.file_name();
    let Some((adapter, domain)) = queue_address(name) else {
        return Err(reading.not_a("name of a crypto queue", "name", name));
    };
    reading.fields.set(ap_queue::AP_ADAPTER, u64::from(adapter));
    reading.fields.set(ap_queue::AP_DOMAIN, u64::from(domain));
    Ok(())
}

/// Two numbers with a character between them.
fn queue_address(name: &str) -> Option<(u32, u32)> {
    let (adapter, rest) = number::leading(name, 16)?;
    let (domain, _) = number::leading(number::behind_separator(rest)?, 16)?;
    Some((adapter, domain))
}

pub(super) fn ap_matrix(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let types = types(reading)?;
    let address = reading.device.sysname.as_str();
    reading.fields.set(device::ADDRESS, address);
    reading.fields.set_opt(mdev_types::TYPES, types);
    Ok(())
}

/// An address on the channel bus: `C.S.DDDD`.
#[derive(Debug, Clone, Copy)]
struct BusAddress {
    cssid: u32,
    ssid: u32,
    devno: u32,
}

impl BusAddress {
    fn from_name(name: &str) -> Option<Self> {
        let [cssid, ssid, devno] = dotted(name)?;
        Some(Self { cssid, ssid, devno })
    }

    fn into_fields(
        self,
        fields: &mut Fields,
        (cssid, ssid, devno): (Key<u64>, Key<u64>, Key<u64>),
    ) {
        fields.set(cssid, u64::from(self.cssid));
        fields.set(ssid, u64::from(self.ssid));
        fields.set(devno, u64::from(self.devno));
    }
}

/// As libvirt writes it for a parent of mediated devices.
impl fmt::Display for BusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}.{:04x}", self.cssid, self.ssid, self.devno)
    }
}

/// The address in the name of the device.
fn bus_address(reading: &Reading<'_>) -> Result<BusAddress, Refusal> {
    let name = reading.device.file_name();
    BusAddress::from_name(name).ok_or_else(|| reading.not_a("channel address", "name", name))
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
        let fields = read(&css).unwrap();
        assert_eq!(fields.get(device::ADDRESS), Some("0.0.0052"));
        assert_eq!(fields.get(css::DEVNO), Some(0x52));
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
            ("/sys/devices/ap/Card1", "ap_card", true),
            ("/sys/devices/ap/car", "ap_card", false),
            ("/sys/devices/ap/card0a/0a 00f3", "ap_queue", true),
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

    #[test]
    fn a_channel_device_tells_its_state_and_its_group() {
        let ccw = || Scratch::new("/sys/devices/css0/0.0.0052/fe.1.ff02").subsystem("ccw");
        let fields = read(&ccw()).unwrap();
        assert_eq!(fields.get(ccw::STATE), Some("offline"));
        assert_eq!(fields.get(ccw::CSSID), Some(0xfe));
        assert_eq!(fields.get(ccw::SSID), Some(1));
        assert_eq!(fields.get(ccw::DEVNO), Some(0xff02));
        assert_eq!(fields.get(ccw::GROUP_DEVICE), None);
        for (online, state) in [("1\n", Some("online")), ("0\n", Some("offline")), ("7\n", None)] {
            let fields = read(&ccw().attribute("online", online)).unwrap();
            assert_eq!(fields.get(ccw::STATE), state, "{online:?}");
        }
        for bad in ["\n", "on\n", "4294967295\n"] {
            assert!(unreadable(&ccw().attribute("online", bad)).contains("online"), "{bad:?}");
        }
        let member = ccw().link("group_device", "/sys/devices/qeth/0.0.bd00");
        let fields = read(&member).unwrap();
        assert_eq!(fields.get(ccw::GROUP_DEVICE), Some("ccwgroup_0_0_bd00"));
    }

    #[test]
    fn a_subchannel_names_the_device_behind_it() {
        let css = Scratch::new("/sys/devices/css0/0.0.0052")
            .subsystem("css")
            .property("DRIVER", "io_subchannel");
        for none in ["none\n", "", "0.0\n", "0.0.x\n", "0 .0.1\n"] {
            let css = Scratch::new("/sys/devices/css0/0.0.0052")
                .subsystem("css")
                .property("DRIVER", "io_subchannel")
                .attribute("dev_busid", none);
            assert_eq!(read(&css).unwrap().get(css::CHANNEL_DEVNO), None, "{none:?}");
        }
        let fields = read(&css.attribute("dev_busid", "fe.1.ABCD\n")).unwrap();
        assert_eq!(fields.get(css::CHANNEL_CSSID), Some(0xfe));
        assert_eq!(fields.get(css::CHANNEL_SSID), Some(1));
        assert_eq!(fields.get(css::CHANNEL_DEVNO), Some(0xabcd));
    }

    #[test]
    fn a_group_lists_its_members_in_the_order_of_the_directory() {
        let group = Scratch::new("/sys/devices/qeth/0.0.bd00")
            .devtype("qeth_layer3")
            .directory("/sys/devices/qeth/0.0.bd00", &["cdev1", "chpid", "cdev0", "cdev2"])
            .link("cdev0", "/sys/devices/css0/0.0.0000/0.0.bd00")
            .link("cdev1", "/sys/devices/css0/0.0.0001/0.0.bd01")
            .attribute("card_type", "OSD_1000\n")
            .attribute("chpid", "\n");
        let fields = read(&group).unwrap();
        let members: Vec<_> = fields
            .get(ccwgroup::MEMBERS)
            .unwrap()
            .iter()
            .map(|member| (member.reference.as_str(), member.device.as_str()))
            .collect();
        assert_eq!(members, [("cdev1", "ccw_0_0_bd01"), ("cdev0", "ccw_0_0_bd00")]);
        assert_eq!(fields.get(ccwgroup::DEVNO), Some(0xbd00));
        assert_eq!(fields.get(ccwgroup::TYPE), Some("qeth_layer3"));
        assert_eq!(fields.get(ccwgroup::CARD_TYPE), Some("OSD_1000"));
        assert_eq!(fields.get(ccwgroup::CHPID), None);
    }

    #[test]
    fn a_group_without_a_sensible_state_is_offline() {
        for (online, state) in [
            ("1\n", Some("online")),
            ("-1\n", Some("offline")),
            ("x", Some("offline")),
            ("2", None),
        ] {
            let group = Scratch::new("/sys/devices/qeth/0.0.bd00")
                .devtype("qeth_layer2")
                .directory("/sys/devices/qeth/0.0.bd00", &["cdev0"])
                .link("cdev0", "/sys/devices/css0/0.0.0000/0.0.bd00")
                .attribute("online", online);
            assert_eq!(read(&group).unwrap().get(ccwgroup::STATE), state, "{online:?}");
        }
    }

    #[test]
    fn crypto_devices_have_their_numbers_in_their_names() {
        let card = Scratch::new("/sys/devices/ap/card0a").devtype("ap_card");
        assert_eq!(read(&card).unwrap().get(ap_card::AP_ADAPTER), Some(10));
        let queue = Scratch::new("/sys/devices/ap/card0a/0a.00f3").devtype("ap_queue");
        let fields = read(&queue).unwrap();
        assert_eq!(fields.get(ap_queue::AP_ADAPTER), Some(10));
        assert_eq!(fields.get(ap_queue::AP_DOMAIN), Some(0xf3));
    }
}
