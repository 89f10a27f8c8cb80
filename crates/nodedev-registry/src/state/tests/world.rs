//! Few devices that contain, resemble and wait for one another.

use nodedev_merge::builtin_streams;
use nodedev_source::SourceInfo;
use nodedev_types::fields::{device, mdev, mdev_types, net};
use nodedev_types::{
    Capability, DeviceId, FieldSet, Fields, MdevType, Presence, SourceId, StreamInfo, Value,
};

/// How many sources there are: udev, mdevctl and one whose devices are called like interfaces.
pub(super) const SOURCES: usize = 3;
pub(super) const UDEV: usize = 0;
pub(super) const MDEVCTL: usize = 1;

pub(super) fn sources() -> Vec<SourceInfo> {
    let mut streams = builtin_streams().into_iter();
    let (udev, defined, active) = (streams.next(), streams.next(), streams.next());
    let stream = |stream: Option<StreamInfo>| stream.expect("three built-in streams");
    let foreign = FieldSet::new().with(device::PATH).with(device::ADDRESS).with(device::AUTOSTART);
    let foreign = StreamInfo::new("acme", Presence::Active, foreign).with_namespace("net");
    vec![
        SourceInfo::new("udev", "0").with_stream(stream(udev)),
        SourceInfo::new("mdevctl", "0")
            .with_stream(stream(defined))
            .with_stream(stream(active))
            .with_interests(&[Capability::Mdev, Capability::MdevTypes]),
        SourceInfo::new("acme", "0").with_stream(foreign),
    ]
}

/// Who speaks, with the source that it belongs to and the devices that it may speak of.
pub(super) struct Speaker {
    pub(super) source: usize,
    pub(super) id: SourceId,
    pub(super) devices: Vec<DeviceId>,
}

pub(super) fn speakers() -> Vec<Speaker> {
    let speaker = |source, id: &str, devices| Speaker { source, id: SourceId::new(id), devices };
    let kernel = [DeviceId::Computer].into_iter().chain(kernel_devices());
    vec![
        speaker(UDEV, SourceId::UDEV, kernel.chain(mdevs()).collect()),
        speaker(MDEVCTL, SourceId::MDEVCTL_DEFINED, mdevs()),
        speaker(MDEVCTL, SourceId::MDEVCTL_ACTIVE, mdevs()),
        speaker(2, "acme", foreign_devices()),
    ]
}

const PCI: &str = "/sys/devices/pci0000:00/0000:00:02.0";

fn sysfs(path: &str) -> DeviceId {
    DeviceId::sysfs(path).expect("a canonical path")
}

fn kernel_devices() -> Vec<DeviceId> {
    let names = ["", "/net/a.1", "/net/a_1", "/net/a-1", "/net/b"];
    let mut devices: Vec<_> =
        names.map(|name| sysfs(&format!("{PCI}{name}"))).into_iter().collect();
    let others = ["pci0000:00", "pci0000:00/0000:00:03.0", "virtual/mtty/mtty"];
    devices.extend(others.map(|path| sysfs(&format!("/sys/devices/{path}"))));
    devices
}

fn mdevs() -> Vec<DeviceId> {
    let uuid = |n: u8| format!("aaaaaaaa-0000-4000-8000-00000000000{n}");
    vec![
        DeviceId::mdev(&uuid(1), "0000:00:02.0"),
        DeviceId::mdev(&uuid(2), "0000:00:02.0"),
        DeviceId::mdev(&uuid(1), "mtty"),
        DeviceId::mdev("Not_A_Uuid", "0000:00:02.0"),
        DeviceId::mdev("Not-A-Uuid", "0000:00:02.0"),
    ]
}

fn foreign_devices() -> Vec<DeviceId> {
    let mut keys = vec!["a 1".to_owned(), "b".to_owned()];
    // What a second device called `net_a_1` would be called.
    keys.push(suffixed_key());
    keys.iter().map(|key| DeviceId::foreign("net", key)).collect()
}

fn suffixed_key() -> String {
    let base = nodedev_types::DeviceName::new("net_a_1");
    let (first, second) = (sysfs(&format!("{PCI}/net/a-1")), sysfs(&format!("{PCI}/net/a.1")));
    let names = nodedev_merge::names_in_group(&base, [&first, &second], |_| false);
    let name = names[1].1.as_str();
    name.strip_prefix("net_").unwrap_or(name).to_owned()
}

/// One of several things that the stream could say of the device.
pub(super) fn words(stream: &SourceId, id: &DeviceId, variant: u8) -> Fields {
    let mut fields = Fields::new();
    match (stream.as_str(), id) {
        (SourceId::MDEVCTL_DEFINED, DeviceId::Mdev { parent, .. }) => {
            fields.set(device::CAPABILITY, Capability::Mdev);
            fields.set(device::AUTOSTART, variant.is_multiple_of(2));
            fields.set(mdev::DEFINED_TYPE, format!("type-{}", variant % 3).as_str());
            if variant != 5 {
                fields.set(mdev::PARENT_ADDR, &**parent);
            }
        }
        (SourceId::MDEVCTL_ACTIVE, _) => {
            fields.set(mdev::TYPE, format!("listed-{variant}").as_str());
            let key = mdev::ATTRIBUTES.field().into();
            let attribute =
                nodedev_types::MdevAttribute { name: "a".to_owned(), value: variant.to_string() };
            fields.insert(key, Value::from(vec![attribute]));
        }
        (SourceId::UDEV, DeviceId::Sysfs(path)) => {
            kernel_words(path.as_str(), variant, &mut fields)
        }
        (SourceId::UDEV, DeviceId::Mdev { uuid, parent }) => {
            fields.set(device::CAPABILITY, Capability::Mdev);
            fields.set(mdev::TYPE, format!("type-{}", variant % 2).as_str());
            let above = if &**parent == "mtty" { "/sys/devices/virtual/mtty/mtty" } else { PCI };
            if variant != 4 {
                fields.set(device::PATH, format!("{above}/{uuid}").as_str());
            }
        }
        (SourceId::UDEV, _) => fields.set(device::CAPABILITY, Capability::System),
        _ => {
            if variant == 1 {
                fields.set(device::PATH, PCI);
            }
            fields.set(device::AUTOSTART, variant == 2);
        }
    }
    fields
}

fn kernel_words(path: &str, variant: u8, fields: &mut Fields) {
    // One that has no path, and one that has another's.
    match variant {
        4 => {}
        5 => fields.set(device::PATH, PCI),
        _ => fields.set(device::PATH, path),
    }
    if path.contains("/net/") {
        fields.set(device::CAPABILITY, Capability::Net);
        if variant == 1 {
            fields.set(net::ADDRESS, "02:00:00:00:00:01");
        }
        return;
    }
    if path.ends_with("/mtty") {
        fields.set(device::CAPABILITY, Capability::MdevTypes);
        fields.set(device::SUBSYSTEM, "mtty");
        fields.set(device::ADDRESS, "mtty");
        return;
    }
    fields.set(device::CAPABILITY, Capability::Pci);
    // Both functions may be called the same by definitions.
    fields.set(device::ADDRESS, "0000:00:02.0");
    if variant.is_multiple_of(2) {
        let mdev_type = MdevType {
            id: "t".to_owned(),
            name: None,
            device_api: "vfio-pci".to_owned(),
            available_instances: u64::from(variant),
        };
        fields.set(mdev_types::TYPES, vec![mdev_type]);
    }
}
