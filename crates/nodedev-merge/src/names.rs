//! Names from fields, and what happens when two devices would get one name.
//!
//! Everything here is a function of the whole set of devices, never of the order of arrival.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use nodedev_types::fields::{device, net, storage};
use nodedev_types::{Capability, DeviceId, DeviceName, Fields};

/// The name that a device has if nobody else wants it, by libvirt's rules.
#[must_use]
pub fn base_name(id: &DeviceId, fields: &Fields) -> DeviceName {
    match id {
        DeviceId::Computer => DeviceName::new("computer"),
        DeviceId::Mdev { uuid, parent } => DeviceName::compose("mdev", uuid.as_str(), Some(parent)),
        DeviceId::Foreign { namespace, key } => DeviceName::compose(namespace, key, None),
        DeviceId::Sysfs(path) => kernel_name(path.file_name(), fields),
        _ => DeviceName::compose("device", &format!("{id}"), None),
    }
}

fn kernel_name(sysname: &str, fields: &Fields) -> DeviceName {
    let capability = fields.get(device::CAPABILITY);
    let suffix = match capability {
        Some(Capability::Net) => fields.get(net::ADDRESS),
        Some(Capability::Storage) => fields.get(storage::SERIAL),
        Some(Capability::ApMatrix) => return DeviceName::new("ap_matrix"),
        _ => None,
    };
    // A source that knows no subsystem still knows what kind of device it has.
    let prefix = fields.get(device::SUBSYSTEM).unwrap_or_else(|| usual_subsystem(capability));
    DeviceName::compose(prefix, sysname, suffix)
}

/// The subsystem in which the kernel shows devices of a kind.
fn usual_subsystem(capability: Option<Capability>) -> &'static str {
    match capability {
        Some(Capability::Pci) => "pci",
        Some(Capability::UsbDevice | Capability::Usb) => "usb",
        Some(Capability::Net) => "net",
        Some(Capability::ScsiHost | Capability::ScsiTarget | Capability::Scsi) => "scsi",
        Some(Capability::Storage) => "block",
        Some(Capability::ScsiGeneric) => "scsi_generic",
        Some(Capability::Drm) => "drm",
        Some(Capability::Ccw) => "ccw",
        Some(Capability::Css) => "css",
        Some(Capability::Ccwgroup) => "ccwgroup",
        Some(Capability::Vdpa) => "vdpa",
        Some(Capability::ApCard | Capability::ApQueue) => "ap",
        _ => "device",
    }
}

/// The names of devices that would all be called `base`: the smallest id keeps it, the others get
/// `_` and eight hexadecimal digits of a fixed hash of their id.
///
/// `is_base` tells whether some device would by itself be called so; a suffixed name never takes
/// such a name away, but grows more digits instead. `ids` may come in any order.
pub fn names_in_group<'a>(
    base: &DeviceName,
    ids: impl IntoIterator<Item = &'a DeviceId>,
    is_base: impl Fn(&str) -> bool,
) -> Vec<(&'a DeviceId, DeviceName)> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    let mut names: Vec<(&DeviceId, DeviceName)> = Vec::with_capacity(ids.len());
    for (place, id) in ids.into_iter().enumerate() {
        let name = if place == 0 {
            base.clone()
        } else {
            let taken = |name: &str| is_base(name) || names.iter().any(|(_, n)| n.as_str() == name);
            suffixed(base, id, taken)
        };
        names.push((id, name));
    }
    names
}

fn suffixed(base: &DeviceName, id: &DeviceId, taken: impl Fn(&str) -> bool) -> DeviceName {
    let text = format!("{id}");
    let hash = fnv1a(text.as_bytes());
    let short = format!("{base}_{:08x}", hash >> 32);
    if !taken(&short) {
        return DeviceName::new(&short);
    }
    let long = format!("{base}_{hash:016x}");
    if !taken(&long) {
        return DeviceName::new(&long);
    }
    // The whole id in hexadecimal is as unique as the id itself.
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut whole = format!("{base}_{digits}");
    // Some device may be called even that; there are finitely many, so this ends.
    while taken(&whole) {
        whole.push('0');
    }
    DeviceName::new(&whole)
}

/// The group whose suffixed names depend on whether `name` is some device's own name: `name`
/// without a trailing `_` and hexadecimal digits. When a group appears or vanishes, the names of the
/// group that this function gives for it must be worked out again.
#[must_use]
pub fn suffixed_group(name: &str) -> Option<&str> {
    let (group, digits) = name.rsplit_once('_')?;
    let is_suffix = digits.len() >= 8
        && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_suffix.then_some(group)
}

/// The 64-bit FNV-1a hash: fixed for ever, since clients keep names.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn sysfs(path: &str) -> DeviceId {
        DeviceId::sysfs(path).unwrap()
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_smallest_id_keeps_the_name_whatever_the_order() {
        let base = DeviceName::new("net_a_1");
        let (small, large) = (sysfs("/sys/devices/net/a.1"), sysfs("/sys/devices/net/a_1"));
        let forth = names_in_group(&base, [&small, &large], |_| false);
        let back = names_in_group(&base, [&large, &small], |_| false);
        assert_eq!(forth, back);
        assert_eq!(forth[0], (&small, base.clone()));
        let other = forth[1].1.as_str();
        assert_eq!(other.len(), base.as_str().len() + 9);
        assert_eq!(suffixed_group(other), Some(base.as_str()));
    }

    #[test]
    fn a_suffixed_name_gives_way_to_a_device_that_is_called_so() {
        let base = DeviceName::new("net_a");
        let (small, large) = (sysfs("/sys/devices/a"), sysfs("/sys/devices/b"));
        let free = names_in_group(&base, [&small, &large], |_| false)[1].1.clone();
        let longer = names_in_group(&base, [&small, &large], |n| n == free.as_str())[1].1.clone();
        assert_eq!(longer.as_str().len(), base.as_str().len() + 17);
        let is_base = |n: &str| n.len() <= longer.as_str().len();
        let last = names_in_group(&base, [&small, &large], is_base)[1].1.clone();
        assert!(last.as_str().ends_with("2f62"), "{last}");
        let is_base = |n: &str| n.len() <= last.as_str().len();
        let beyond = names_in_group(&base, [&small, &large], is_base)[1].1.clone();
        assert_eq!(beyond.as_str(), format!("{last}0"));
        for name in [&free, &longer, &last, &beyond] {
            assert_eq!(suffixed_group(name.as_str()), Some("net_a"));
        }
        assert_eq!(suffixed_group("net_a_0123"), None);
        assert_eq!(suffixed_group("net_a_0123456G"), None);
    }

    #[test]
    fn names_follow_the_table() {
        let name = |path: &str, capability, more: &[(nodedev_types::Key<String>, &str)]| {
            let mut fields = Fields::new();
            fields.set(device::CAPABILITY, capability);
            more.iter().for_each(|(key, value)| fields.set(*key, *value));
            base_name(&sysfs(path), &fields).to_string()
        };
        let at = "/sys/devices/x/";
        let p = |n: &str| alloc::format!("{at}{n}");
        assert_eq!(name(&p("0000:00:1d.0"), Capability::Pci, &[]), "pci_0000_00_1d_0");
        assert_eq!(name(&p("1-2.4"), Capability::UsbDevice, &[]), "usb_1_2_4");
        assert_eq!(name(&p("1-0:1.0"), Capability::Usb, &[]), "usb_1_0_1_0");
        assert_eq!(name(&p("tun0"), Capability::Net, &[]), "net_tun0");
        let mac = [(net::ADDRESS, "02:fc:00:00:00:01")];
        assert_eq!(name(&p("eth0"), Capability::Net, &mac), "net_eth0_02_fc_00_00_00_01");
        assert_eq!(name(&p("host0"), Capability::ScsiHost, &[]), "scsi_host0");
        assert_eq!(name(&p("target0:0:0"), Capability::ScsiTarget, &[]), "scsi_target0_0_0");
        assert_eq!(name(&p("0:0:0:0"), Capability::Scsi, &[]), "scsi_0_0_0_0");
        let serial = [(storage::SERIAL, "SER IAL.1-2")];
        assert_eq!(name(&p("sda"), Capability::Storage, &serial), "block_sda_SER_IAL_1_2");
        assert_eq!(name(&p("sda"), Capability::Storage, &[(storage::SERIAL, "")]), "block_sda_");
        assert_eq!(name(&p("sg0"), Capability::ScsiGeneric, &[]), "scsi_generic_sg0");
        assert_eq!(name(&p("card0"), Capability::Drm, &[]), "drm_card0");
        let odd = [(device::SUBSYSTEM, "accel")];
        assert_eq!(name(&p("card0"), Capability::Drm, &odd), "accel_card0");
        let mtty = [(device::SUBSYSTEM, "mtty")];
        assert_eq!(name(&p("mtty"), Capability::MdevTypes, &mtty), "mtty_mtty");
        assert_eq!(name(&p("0.0.ff02"), Capability::Ccw, &[]), "ccw_0_0_ff02");
        assert_eq!(name(&p("0.0.ff02"), Capability::Css, &[]), "css_0_0_ff02");
        assert_eq!(name(&p("0.0.ff02"), Capability::Ccwgroup, &[]), "ccwgroup_0_0_ff02");
        assert_eq!(name(&p("vdpa0"), Capability::Vdpa, &[]), "vdpa_vdpa0");
        assert_eq!(name(&p("card0a"), Capability::ApCard, &[]), "ap_card0a");
        assert_eq!(name(&p("0a.00f3"), Capability::ApQueue, &[]), "ap_0a_00f3");
        assert_eq!(name(&p("matrix"), Capability::ApMatrix, &[]), "ap_matrix");
        assert_eq!(
            base_name(&DeviceId::foreign("acme", "slot 1"), &Fields::new()).as_str(),
            "acme_slot_1"
        );
    }
}
