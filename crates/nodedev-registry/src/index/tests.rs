//! What an update costs; that it is right is tested through the state.

use std::sync::Arc;

use nodedev_merge::{Merged, base_name};
use nodedev_types::fields::{device, net};
use nodedev_types::{Capability, DeviceId, Fields};

use super::Index;
use crate::snapshot::Snapshot;

const DEVICES: usize = 2000;

fn port(n: usize) -> (DeviceId, Merged) {
    let path = format!("/sys/devices/pci0000:{:02x}/port{n}", n % 16);
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(device::PATH, path.as_str());
    (DeviceId::sysfs(&path).unwrap(), active(fields))
}

const fn active(fields: Fields) -> Merged {
    Merged { active: true, persistent: false, autostart: false, fields }
}

/// What it takes to have the index follow one update, counted in devices that are looked at.
fn work(
    index: &mut Index,
    snapshot: &mut Snapshot,
    updates: Vec<(DeviceId, Option<Merged>)>,
) -> usize {
    *index.work.get_mut() = 0;
    index.update(updates, snapshot);
    *index.work.get_mut()
}

fn host() -> (Index, Snapshot) {
    let (mut index, mut snapshot) = (Index::default(), Snapshot::default());
    let devices = (0..DEVICES).map(port);
    let all = devices.map(|(id, merged)| (id, Some(merged))).collect();
    assert!(work(&mut index, &mut snapshot, all) >= DEVICES);
    assert_eq!(snapshot.len(), DEVICES);
    (index, snapshot)
}

#[test]
fn an_update_costs_what_changed_and_not_what_exists() {
    let (mut index, mut snapshot) = host();
    let (id, mut merged) = port(7);
    assert_eq!(
        work(&mut index, &mut snapshot, vec![(id.clone(), Some(merged.clone()))]),
        0,
        "nothing has changed"
    );
    merged.fields.set(net::LINK_STATE, "up");
    let one = work(&mut index, &mut snapshot, vec![(id.clone(), Some(merged.clone()))]);
    assert_eq!(one, 1, "a field of one device");
    merged.fields.set(net::ADDRESS, "02:00:00:00:00:01");
    let renamed = work(&mut index, &mut snapshot, vec![(id.clone(), Some(merged))]);
    assert!(renamed <= 4, "one name: {renamed}");
    let gone = work(&mut index, &mut snapshot, vec![(id, None)]);
    assert!(gone <= 2, "one device: {gone}");
}

#[test]
fn a_parent_costs_its_own_path_range() {
    let (mut index, mut snapshot) = host();
    let path = "/sys/devices/pci0000:03";
    let id = DeviceId::sysfs(path).unwrap();
    let mut fields = Fields::new();
    fields.set(device::PATH, path);
    let name = base_name(&id, &fields);
    let arrived = work(&mut index, &mut snapshot, vec![(id.clone(), Some(active(fields.clone())))]);
    let below = DEVICES / 16;
    assert!(arrived <= 3 * below + 4, "{arrived} for {below} children");
    assert_eq!(snapshot.devices().filter(|d| d.parent.as_ref() == Some(&name)).count(), below);
    // What a device is called or says matters to its children alone when the name is another.
    fields.set(device::DRIVER, "pcieport");
    fields.set(device::ADDRESS, "0000:03:00.0");
    let changed = work(&mut index, &mut snapshot, vec![(id, Some(active(fields)))]);
    assert!(changed <= 4, "one device: {changed}");
}

#[test]
fn an_old_list_does_not_change_with_the_new_one() {
    let (mut index, mut snapshot) = host();
    let before = Arc::new(snapshot.clone());
    let (id, _) = port(3);
    index.update(vec![(id, None)], &mut snapshot);
    assert_eq!((before.len(), snapshot.len()), (DEVICES, DEVICES - 1));
}

#[test]
fn many_devices_at_paths_above_one_another_cost_what_lies_below_once() {
    const MANY: usize = 300;
    let (mut index, mut snapshot) = host();
    // Each at the path of the host bridge, and one below the other.
    let at = |namespace: &str, n: usize, path: &str| {
        let mut fields = Fields::new();
        fields.set(device::PATH, path);
        (DeviceId::foreign(namespace, &n.to_string()), Some(active(fields)))
    };
    let bridge = "/sys/devices/pci0000:03";
    let same = (0..MANY).map(|n| at("same", n, bridge));
    let chain = (0..MANY).map(|n| at("chain", n, &format!("{bridge}{}", "/x".repeat(n))));
    let below = DEVICES / 16;
    let cost = work(&mut index, &mut snapshot, same.chain(chain).collect());
    assert!(cost <= 5 * (2 * MANY + below), "{cost} for {MANY} twice and {below} children");
}
