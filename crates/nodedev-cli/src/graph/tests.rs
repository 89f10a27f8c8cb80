use std::path::Path;

use nodedev_types::fields::{device, mdev, mdev_types, pci};
use nodedev_types::{Capability, Device, DeviceId, DeviceName, Fields, MdevType};

use super::layout::{HEIGHT, place};
use super::tree::{Devices, Tree};
use super::{dot, svg};

fn device(name: &str, parent: Option<&str>, capability: Capability) -> Device {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, capability);
    Device {
        name: DeviceName::new(name),
        id: DeviceId::Computer,
        parent: parent.map(DeviceName::new),
        active: true,
        persistent: false,
        autostart: false,
        fields,
    }
}

fn function(name: &str) -> Device {
    let mut device = device(name, Some("computer"), Capability::Pci);
    let address = |text: &str| text.parse::<nodedev_types::PciAddress>().unwrap();
    device.fields.set(pci::ADDRESS, address(&name[4..].replacen('_', ":", 2).replace('_', ".")));
    device.fields.set(pci::IOMMU_GROUP, 7_u64);
    let group = vec![address("0000:00:02.0"), address("0000:00:02.1"), address("0000:00:09.0")];
    device.fields.set(pci::IOMMU_GROUP_ADDRESSES, group);
    device.fields.set(device::DRIVER, "i915");
    device.fields.set(device::PATH, format!("/sys/devices/pci0000:00/{name}"));
    device
}

/// A card with two mediated devices, one of them only defined, and a name that nobody should have.
fn few() -> Devices {
    let mut card = function("pci_0000_00_02_0");
    let mdev_type = MdevType {
        id: "i915-GVTg_V5_4".to_owned(),
        name: Some("GVTg <4> & \"more\"".to_owned()),
        device_api: "vfio-pci".to_owned(),
        available_instances: 3,
    };
    card.fields.set(mdev_types::TYPES, vec![mdev_type]);
    let mut running = device("mdev_running", Some("pci_0000_00_02_0"), Capability::Mdev);
    running.persistent = true;
    running.fields.set(mdev::TYPE, "i915-GVTg_V5_4");
    running.fields.set(device::DRIVER, "vfio_mdev");
    let mut defined = device("mdev_defined", Some("pci_0000_00_02_0"), Capability::Mdev);
    (defined.active, defined.persistent, defined.autostart) = (false, true, true);
    let odd = device("net_<&\"'\\N>\u{1b}[1m", Some("computer"), Capability::Net);
    let all = [
        device("computer", None, Capability::System),
        card,
        function("pci_0000_00_02_1"),
        running,
        defined,
        odd,
        device("block_sda", Some("went_meanwhile"), Capability::Storage),
    ];
    all.into_iter().map(|device| (device.name.clone(), device)).collect()
}

/// With `NODEDEV_BLESS` set, what is drawn is right.
#[track_caller]
fn golden(name: &str, drawn: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graph/golden").join(name);
    if std::env::var_os("NODEDEV_BLESS").is_some() {
        std::fs::write(&file, drawn).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(drawn == expected, "{} is no longer what is drawn:\n{drawn}", file.display());
}

#[test]
fn drawings_are_as_they_were() {
    let devices = few();
    golden("all.svg", &svg::draw(&Tree::of_all(&devices)));
    golden("all.dot", &dot::draw(&Tree::of_all(&devices)));
    let around = Tree::around(&devices, "pci_0000_00_02_0").unwrap();
    golden("around.svg", &svg::draw(&around));
    golden("around.dot", &dot::draw(&around));
    assert!(Tree::around(&devices, "absent").is_none());
}

#[test]
fn surroundings_are_parents_children_types_and_the_group() {
    let tree = Tree::around(&few(), "pci_0000_00_02_0").unwrap();
    let names: Vec<_> = tree.nodes.iter().map(|node| node.name.as_str()).collect();
    let expected = [
        "computer",
        "pci_0000_00_02_0",
        "mdev_defined",
        "mdev_running",
        "i915-GVTg_V5_4",
        "IOMMU group 7",
        "pci_0000_00_02_1",
        "0000:00:09.0",
    ];
    assert_eq!(names, expected);
    assert_eq!(tree.parents, [None, Some(0), Some(1), Some(1), Some(1), Some(1), Some(5), Some(5)]);
    assert!(tree.nodes[1].chosen && tree.nodes[2].dashed && tree.nodes[2].faint);
    assert!(tree.nodes[3].dashed && !tree.nodes[3].faint);
}

/// 1,000 devices, of which some have many children and some are deep below others.
fn many() -> Devices {
    let name = |number: usize| format!("device_{number}");
    let parent = |number: usize| match number {
        0 => None,
        1..=100 => Some(0),
        101..=140 => Some(number - 1),
        _ => Some(number % 97 + 1),
    };
    let devices = (0..1000).map(|number| {
        let parent = parent(number).map(name);
        device(&name(number), parent.as_deref(), Capability::Pci)
    });
    devices.map(|device| (device.name.clone(), device)).collect()
}

#[test]
fn no_two_boxes_are_in_one_place() {
    let tree = Tree::of_all(&many());
    assert_eq!(tree.nodes.len(), 1000);
    let layout = place(&tree);
    let places = &layout.places;
    for (at, a) in places.iter().enumerate() {
        assert!(a.x + a.width <= layout.width && a.y + HEIGHT <= layout.height);
        for (other, b) in places.iter().enumerate().skip(at + 1) {
            let apart = a.x + a.width <= b.x
                || b.x + b.width <= a.x
                || a.y + HEIGHT <= b.y
                || b.y + HEIGHT <= a.y;
            assert!(apart, "{} on {}: {a:?} {b:?}", tree.nodes[at].name, tree.nodes[other].name);
        }
        if let Some(parent) = tree.parents[at] {
            assert!(places[parent].x + places[parent].width < a.x, "from left to right");
        }
    }
    assert!(svg::draw(&tree).len() < 1 << 20);
}

#[test]
fn a_cycle_or_a_deep_tree_ends() {
    let mut a = device("a", Some("b"), Capability::Pci);
    let b = device("b", Some("a"), Capability::Pci);
    let devices: Devices =
        [&a, &b].into_iter().map(|device| (device.name.clone(), device.clone())).collect();
    assert_eq!(Tree::around(&devices, "a").unwrap().nodes.len(), 3);
    a.parent = None;
    let name = |number: usize| format!("d{number:05}");
    let deep = (0..20_000).map(|number: usize| {
        let parent = number.checked_sub(1).map(name);
        device(&name(number), parent.as_deref(), Capability::Pci)
    });
    let deep: Devices = deep.map(|device| (device.name.clone(), device)).collect();
    assert_eq!(Tree::of_all(&deep).nodes.len(), 20_000);
}
