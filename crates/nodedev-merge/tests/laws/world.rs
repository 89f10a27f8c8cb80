//! Worlds to try the laws on: few devices that contain, resemble and claim to be one another.

use std::sync::LazyLock;

use nodedev_merge::{Policy, builtin_streams};
use nodedev_types::fields::{device, mdev, mdev_types};
use nodedev_types::{DeviceId, FieldSet, Presence, SourceId, StreamInfo};
use proptest::prelude::*;

use crate::oracle::fnv1a;
use crate::saying::fields_of;
use crate::store::Message;

/// Who speaks: the three built-in streams, a source with devices of its own, and one whose devices
/// are named like network interfaces.
pub(crate) const SOURCES: [&str; 5] =
    [SourceId::UDEV, SourceId::MDEVCTL_DEFINED, SourceId::MDEVCTL_ACTIVE, "acme", "shadow"];

pub(crate) const UUID: &str = "aaaaaaaa-0000-4000-8000-00000000000f";
pub(crate) const UPPER_UUID: &str = "AAAAAAAA-0000-4000-8000-00000000000F";
pub(crate) const MAC: &str = "02:00:00:00:00:01";
pub(crate) const PCI: &str = "/sys/devices/pci0000:00/0000:00:02.0";

pub(crate) static POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy::new(streams()).expect("the streams of the tests do not tie"));

pub(crate) fn streams() -> Vec<StreamInfo> {
    let acme = FieldSet::new()
        .with(device::CAPABILITY)
        .with(device::PATH)
        .with(device::ADDRESS)
        .with(device::AUTOSTART)
        .with(mdev_types::TYPES);
    let shadow = FieldSet::new().with(device::AUTOSTART).with(mdev::ATTRIBUTES);
    let mut streams = builtin_streams();
    streams.push(StreamInfo::new("acme", Presence::Active, acme).with_namespace("acme"));
    streams.push(StreamInfo::new("shadow", Presence::Defined, shadow).with_namespace("net"));
    streams
}

pub(crate) fn sysfs(path: &str) -> DeviceId {
    DeviceId::sysfs(path).expect("a canonical path")
}

/// Every device that a world can have.
pub(crate) static DEVICES: LazyLock<Vec<DeviceId>> = LazyLock::new(|| {
    let mut devices = vec![
        DeviceId::Computer,
        DeviceId::mdev(UPPER_UUID, "0000:00:02.0"),
        DeviceId::mdev(UUID, "0000:00:02.0"),
        DeviceId::mdev(UUID, "mtty"),
        DeviceId::mdev(UUID, "0.0.0052"),
        DeviceId::mdev("bbbbbbbb-0000-4000-8000-000000000001", "mtty"),
        DeviceId::mdev("Not-A-Uuid", "0000:00:02.0"),
        DeviceId::foreign("acme", "slot 1"),
        DeviceId::foreign("acme", "slot_1"),
        DeviceId::foreign("ghost", "x"),
    ];
    let below_pci = ["", "/host", "/net/a.1", "/net/a_1", "/net/a-1"];
    devices.extend(below_pci.map(|below| sysfs(&format!("{PCI}{below}"))));
    let elsewhere = [
        "pci0000:00",
        "virtual/mtty/mtty",
        "vfio_ap/matrix",
        "vfio_ap/matrix/matrix",
        "a",
        "a/b",
        "a/b/c",
        "a-b",
    ];
    devices.extend(elsewhere.map(|path| sysfs(&format!("/sys/devices/{path}"))));
    devices.extend(lookalikes());
    devices
});

/// Devices that are called what `a_1` would be called if it had to give way.
fn lookalikes() -> [DeviceId; 4] {
    let text = format!("{PCI}/net/a_1");
    let hash = fnv1a(text.as_bytes());
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base = format!("a_1_{}", MAC.replace(':', "_"));
    let net = |suffix: String| sysfs(&format!("/sys/devices/virtual/net/{base}_{suffix}"));
    [
        net(format!("{:08x}", hash >> 32)),
        net(format!("{hash:016x}")),
        net(digits),
        DeviceId::foreign("net", &format!("{base}_{:08x}", hash >> 32)),
    ]
}

/// A history: messages in the order of their revisions, each source counting for itself.
pub(crate) fn history() -> impl Strategy<Value = Vec<Message>> {
    let source = prop_oneof![4 => Just(0_usize), 3 => Just(1), 5 => 1..SOURCES.len()];
    let message = (source, any::<prop::sample::Index>(), said());
    (devices(), prop::collection::vec(message, 0..32)).prop_map(|(devices, messages)| {
        let messages = messages.into_iter().enumerate();
        messages
            .map(|(at, (source, device, bits))| {
                let (source, device) = (SOURCES[source], device.get(&devices));
                let fields = bits.map(|bits| fields_of(source, device, bits));
                Message::new(source, device, at as u64 + 1, fields)
            })
            .collect()
    })
}

/// Few devices, mostly of those that have to do with one another: mediated devices and what carries
/// their parents' addresses, network interfaces with their lookalikes, or any.
fn devices() -> impl Strategy<Value = Vec<DeviceId>> {
    let of = |theme: fn(&str) -> bool| -> Vec<DeviceId> {
        let all = DEVICES.iter().cloned();
        all.filter(|id| theme(&id.to_string())).collect()
    };
    let mdev = of(|id| {
        ["mdev:", "mtty/mtty", "02.0", "02.0/host", "acme:slot 1", "pci0000:00"]
            .iter()
            .any(|part| id.starts_with(part) || id.ends_with(part))
    });
    let net = of(|id| id.contains("net"));
    prop_oneof![
        proptest::sample::subsequence(mdev, 1..=7),
        proptest::sample::subsequence(net, 1..=7),
        proptest::sample::subsequence(DEVICES.clone(), 1..=9),
    ]
}

/// What says all of a message, see [`fields_of`]; `None` is "gone".
pub(crate) fn said() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.85, any::<u64>())
}
