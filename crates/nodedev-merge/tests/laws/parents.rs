//! Parents follow from the set of devices.

use nodedev_merge::awaited_address;
use nodedev_types::fields::{device, mdev, mdev_types};
use nodedev_types::{DeviceId, Fields};
use proptest::prelude::*;

use crate::config;
use crate::saying::fields_of;
use crate::store::{List, Message, Store};
use crate::world::{PCI, UUID, history, sysfs};

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn every_parent_is_in_the_list_or_the_host_and_nobody_is_above_itself(messages in history()) {
        let list = Store::of(&messages).list();
        for device in list.values() {
            prop_assert_eq!(device.parent.is_none(), device.id == DeviceId::Computer);
            let mut above = device.parent.as_ref();
            let mut steps = 0;
            while let Some(name) = above {
                let Some(parent) = list.get(name) else {
                    prop_assert_eq!(name.as_str(), "computer");
                    break;
                };
                steps += 1;
                prop_assert!(steps <= list.len(), "{} is above itself", device.name);
                above = parent.parent.as_ref();
            }
        }
    }
}

fn says(source: &str, id: &DeviceId, edit: impl FnOnce(&mut Fields)) -> Message {
    let mut fields = fields_of(source, id, 0);
    edit(&mut fields);
    Message::new(source, id, 1, Some(fields))
}

fn parent_of<'a>(list: &'a List, id: &DeviceId) -> &'a str {
    let device = list.values().find(|device| device.id == *id).expect("such a device");
    device.parent.as_ref().expect("a parent").as_str()
}

#[test]
fn the_nearest_ancestor_that_is_a_device_is_the_parent() {
    let [a, a_b, a_b_c, near] =
        ["a", "a/b", "a/b/c", "a-b"].map(|path| sysfs(&format!("/sys/devices/{path}")));
    let udev = |id: &DeviceId| says("udev", id, |_| {});
    let list = Store::of(&[udev(&a), udev(&a_b_c), udev(&near)]).list();
    assert_eq!(parent_of(&list, &a_b_c), "platform_a");
    assert_eq!(parent_of(&list, &a), "computer");
    assert_eq!(parent_of(&list, &near), "computer");
    let list = Store::of(&[udev(&a), udev(&a_b_c), udev(&a_b)]).list();
    assert_eq!(parent_of(&list, &a_b_c), "platform_b");
}

#[test]
fn a_definition_takes_the_capable_device_of_several_with_its_address() {
    let definition = DeviceId::mdev(UUID, "0000:00:02.0");
    let defined = says("mdevctl/defined", &definition, |_| {});
    let pci = says("udev", &sysfs(PCI), |_| {});
    let capable = says("udev", &sysfs(&format!("{PCI}/host")), |_| {});
    let later = says("udev", &sysfs(&format!("{PCI}/later")), |fields| {
        fields.set(device::ADDRESS, "0000:00:02.0");
        fields.set(mdev_types::TYPES, vec![]);
    });
    let list = Store::of([&defined, &pci, &later]).list();
    assert_eq!(parent_of(&list, &definition), "pci_0000_00_02_0");
    let list = Store::of([&defined, &pci, &later, &capable]).list();
    assert_eq!(parent_of(&list, &definition), "host_host");
    let list = Store::of([&defined]).list();
    assert_eq!(parent_of(&list, &definition), "computer");
}

#[test]
fn of_several_capable_devices_the_smallest_id_is_the_parent() {
    let definition = DeviceId::mdev(UUID, "0000:00:02.0");
    let capable = |path: &str| {
        says("udev", &sysfs(path), |fields| {
            fields.set(device::ADDRESS, "0000:00:02.0");
            fields.set(device::CAPABILITY, nodedev_types::Capability::MdevTypes);
        })
    };
    let defined = says("mdevctl/defined", &definition, |_| {});
    let list = Store::of(&[defined, capable("/sys/devices/z"), capable("/sys/devices/y")]).list();
    assert_eq!(parent_of(&list, &definition), "platform_y");
}

#[test]
fn a_running_device_follows_its_path_and_a_stopped_one_its_address() {
    let id = DeviceId::mdev(UUID, "0000:00:02.0");
    let mtty = sysfs("/sys/devices/virtual/mtty/mtty");
    let elsewhere = format!("/sys/devices/virtual/mtty/mtty/{UUID}");
    let running = says("udev", &id, |fields| fields.set(device::PATH, elsewhere));
    let defined = says("mdevctl/defined", &id, |_| {});
    let parents = [says("udev", &mtty, |_| {}), says("udev", &sysfs(PCI), |_| {})];
    let list = Store::of(parents.iter().chain([&running, &defined])).list();
    assert_eq!(parent_of(&list, &id), "mtty_mtty");
    let list = Store::of(parents.iter().chain([&defined])).list();
    assert_eq!(parent_of(&list, &id), "pci_0000_00_02_0");
    // With a path but no ancestor the address does not step in.
    let awaited = |message: &Message| {
        let fields = message.fields.clone().unwrap_or_default();
        awaited_address(&id, &fields).map(str::to_owned)
    };
    assert_eq!(awaited(&running), None);
    assert_eq!(awaited(&defined).as_deref(), Some("0000:00:02.0"));
    let list = Store::of([&parents[1], &running, &defined]).list();
    assert_eq!(parent_of(&list, &id), "computer");
}

#[test]
fn a_parent_below_its_own_child_is_none() {
    let id = DeviceId::mdev(UUID, "x");
    let running = says("udev", &id, |fields| fields.set(device::PATH, "/sys/devices/a"));
    let below = says("udev", &sysfs("/sys/devices/a/b"), |fields| fields.set(device::ADDRESS, "x"));
    let list = Store::of([&running, &below]).list();
    assert_eq!(parent_of(&list, &id), "computer");
}

#[test]
fn mediated_devices_and_third_parties_are_nobodys_parent_by_address() {
    let definition = DeviceId::mdev(UUID, "0000:00:02.0");
    let defined = says("mdevctl/defined", &definition, |fields| {
        fields.set(mdev::PARENT_ADDR, "x");
    });
    let other = says("udev", &DeviceId::mdev("other", "y"), |fields| {
        fields.remove(&device::PATH.field().into());
        fields.set(device::ADDRESS, "x");
    });
    let acme = says("acme", &DeviceId::foreign("acme", "x"), |fields| {
        fields.set(device::ADDRESS, "x");
    });
    let list = Store::of([&defined, &other, &acme]).list();
    assert_eq!(parent_of(&list, &definition), "computer");
}

#[test]
fn a_third_party_is_nobodys_parent_by_path_and_may_have_one() {
    let acme = DeviceId::foreign("acme", "slot 1");
    let below = |path: &'static str| says("acme", &acme, |fields| fields.set(device::PATH, path));
    let pci = says("udev", &sysfs(PCI), |_| {});
    let list = Store::of([&pci, &below("/sys/devices/pci0000:00")]).list();
    assert_eq!(parent_of(&list, &sysfs(PCI)), "computer");
    let list = Store::of([&pci, &below("/sys/devices/pci0000:00/0000:00:02.0/acme")]).list();
    assert_eq!(parent_of(&list, &acme), "pci_0000_00_02_0");
}

#[test]
fn a_device_is_capable_by_its_kind_or_by_its_types() {
    let definition = DeviceId::mdev(UUID, "0000:00:02.0");
    let defined = says("mdevctl/defined", &definition, |_| {});
    let pci = says("udev", &sysfs(PCI), |_| {});
    let by_kind = says("udev", &sysfs("/sys/devices/z"), |fields| {
        fields.set(device::ADDRESS, "0000:00:02.0");
        fields.set(device::CAPABILITY, nodedev_types::Capability::MdevTypes);
    });
    let list = Store::of([&defined, &pci, &by_kind]).list();
    assert_eq!(parent_of(&list, &definition), "platform_z");
    let by_types = says("udev", &sysfs(&format!("{PCI}/host")), |fields| {
        fields.set(device::CAPABILITY, nodedev_types::Capability::UsbDevice);
    });
    let list = Store::of([&defined, &pci, &by_types]).list();
    assert_eq!(parent_of(&list, &definition), "host_host");
}
