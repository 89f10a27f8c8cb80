//! Names, parents and renames, as clients see them in events. Where libvirt does otherwise,
//! docs/differences.md names the test.

use nodedev_source::SourceEvent;
use nodedev_types::fields::{device, storage};
use nodedev_types::{Capability, DeviceId, Fields, Observation, Revision, SourceId};

use crate::host::{
    MDEV, PCI, defined, definition, idle, is_silent, link, mdev, mdevctl, next, nic, pci, soon,
    start, sysfs, udev, with_parent,
};

#[tokio::test(start_paused = true)]
async fn a_new_mac_is_a_deleted_old_name_and_a_created_new_one() {
    let (kernel, host) = udev();
    let (id, _) = link("eth0");
    let path = "/sys/devices/virtual/net/eth0";
    host.set(&id, nic(path, "02:00:00:00:00:01"));
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    host.set(&id, nic(path, "02:00:00:00:00:02"));
    let expected = ["deleted net_eth0_02_00_00_00_00_01", "created net_eth0_02_00_00_00_00_02"];
    assert_eq!(next(&mut events).await, expected);
    assert_eq!(registry.snapshot().len(), 1);
    host.remove(&id);
    assert_eq!(next(&mut events).await, ["deleted net_eth0_02_00_00_00_00_02"]);
    assert!(registry.snapshot().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_serial_that_comes_late_is_a_deleted_old_name_and_a_created_new_one() {
    let (kernel, host) = udev();
    let path = "/sys/devices/x/block/sda";
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Storage);
    fields.set(device::PATH, path);
    host.set(&sysfs(path), fields.clone());
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    fields.set(storage::SERIAL, "S-1");
    host.set(&sysfs(path), fields);
    assert_eq!(next(&mut events).await, ["deleted block_sda", "created block_sda_S_1"]);
    assert_eq!(registry.snapshot().len(), 1);
    host.remove(&sysfs(path));
    assert_eq!(next(&mut events).await, ["deleted block_sda_S_1"]);
}

#[tokio::test(start_paused = true)]
async fn devices_that_would_have_one_name_are_both_listed() {
    let mut lists = Vec::new();
    for order in [["a.1", "a-1"], ["a-1", "a.1"]] {
        let (kernel, host) = udev();
        let registry = start(&[kernel]).await;
        let (_, mut events) = registry.subscribe();
        for name in order {
            let (id, fields) = link(name);
            host.set(&id, fields);
            next(&mut events).await;
        }
        let snapshot = registry.snapshot();
        let list: Vec<_> = snapshot.devices().map(|d| (d.name.clone(), d.id.clone())).collect();
        assert_eq!(list.len(), 2);
        assert_eq!((list[0].0.as_str(), &list[0].1), ("net_a_1_", &link("a-1").0));
        lists.push(list);
    }
    assert_eq!(lists[0], lists[1]);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_id_takes_a_name_by_deleted_and_created() {
    let (kernel, host) = udev();
    let (large, fields) = link("a.1");
    host.set(&large, fields);
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    let (small, fields) = link("a-1");
    host.set(&small, fields);
    let told = next(&mut events).await;
    assert_eq!(told[..2], ["deleted net_a_1_", "created net_a_1_"]);
    assert!(told[2].starts_with("created net_a_1__"), "{told:?}");
    host.remove(&small);
    let told = next(&mut events).await;
    assert!(told.contains(&"created net_a_1_".to_owned()), "{told:?}");
    assert_eq!(registry.snapshot().device("net_a_1_").map(|d| &d.id), Some(&large));
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_arrives_late_is_one_updated() {
    let (kernel, host) = udev();
    let path = format!("{PCI}/net/eth0");
    host.set(&sysfs(&path), nic(&path, ""));
    let registry = start(&[kernel]).await;
    let parent = || {
        let snapshot = registry.snapshot();
        let device = snapshot.device("net_eth0_").cloned();
        device.and_then(|device| device.parent.clone()).map(|name| name.to_string())
    };
    assert_eq!(parent().as_deref(), Some("computer"));
    let (_, mut events) = registry.subscribe();
    host.set(&sysfs(PCI), pci(PCI, None));
    assert_eq!(next(&mut events).await, ["created pci_0000_00_02_0", "updated net_eth0_"]);
    assert_eq!(parent().as_deref(), Some("pci_0000_00_02_0"));
    host.remove(&sysfs(PCI));
    assert_eq!(next(&mut events).await, ["deleted pci_0000_00_02_0", "updated net_eth0_"]);
    assert_eq!(parent().as_deref(), Some("computer"));
}

#[tokio::test(start_paused = true)]
async fn a_definition_whose_parent_arrives_late_is_one_updated() {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    config.set_on(&defined(), &mdev(), definition());
    let registry = start(&[kernel, tool]).await;
    let (_, mut events) = registry.subscribe();
    host.set(&sysfs(PCI), pci(PCI, Some(1)));
    let updated = format!("updated {MDEV}");
    assert_eq!(next(&mut events).await, ["created pci_0000_00_02_0", &updated]);
    host.remove(&sysfs(PCI));
    assert_eq!(next(&mut events).await, ["deleted pci_0000_00_02_0", &updated]);
    assert!(is_silent(&mut events).await);
    assert!(registry.snapshot().device(MDEV).is_some_and(|d| d.persistent && d.autostart));
}

#[tokio::test(start_paused = true)]
async fn the_parent_of_a_definition_does_not_depend_on_the_order() {
    let far = "/sys/devices/pci0000:00/0000:00:03.0";
    // Both claim the address; the one that can make mediated devices has the larger id.
    let parents = [(PCI, None), (far, Some(1))];
    for order in [[0, 1], [1, 0]] {
        let (registry, host, config) = with_parent().await;
        host.remove(&sysfs(PCI));
        config.set_on(&defined(), &mdev(), definition());
        for at in order {
            let (path, types) = parents[at];
            host.set(&sysfs(path), pci(path, types));
        }
        idle().await;
        let snapshot = registry.snapshot();
        let parent = snapshot.device(MDEV).and_then(|d| d.parent.as_ref());
        assert_eq!(parent.map(|p| p.as_str()), Some("pci_0000_00_03_0"));
    }
}

fn said(device: &DeviceId, fields: &Fields, revision: Revision) -> SourceEvent {
    SourceEvent::Observed(Observation {
        source: SourceId::new(SourceId::UDEV),
        device: device.clone(),
        revision,
        fields: fields.clone(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_rename_is_one_batch_and_the_children_follow() {
    let (kernel, host) = udev();
    let (old, new) = ("/sys/devices/platform/a", "/sys/devices/platform/b");
    let child = |above: &str| format!("{above}/net/eth0");
    let (old_child, new_child) = (child(old), child(new));
    host.set(&sysfs(old), pci(old, None));
    host.set(&sysfs(&old_child), nic(&old_child, ""));
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    let mut lists = registry.changes();
    lists.mark_unchanged();
    // The kernel tells of the renamed device only; the source knows what lay below it.
    host.say(|revision| {
        let gone = |device: &str| SourceEvent::Gone {
            source: SourceId::new(SourceId::UDEV),
            device: sysfs(device),
            revision,
        };
        SourceEvent::Batch(vec![
            gone(old),
            said(&sysfs(new), &pci(new, None), revision),
            gone(&old_child),
            said(&sysfs(&new_child), &nic(&new_child, ""), revision),
        ])
    });
    soon(lists.changed()).await.unwrap();
    let list = lists.borrow_and_update().clone();
    assert!(list.device_at(old).is_none() && list.device_at(&old_child).is_none());
    assert!(list.device_at(new).is_some() && list.device_at(&new_child).is_some());
    let told = next(&mut events).await;
    let expected = ["deleted net_eth0_", "deleted pci_a", "created pci_b", "created net_eth0_"];
    assert_eq!(told, expected);
    let parent = list.device("net_eth0_").and_then(|device| device.parent.clone());
    assert_eq!(parent.map(|name| name.to_string()).as_deref(), Some("pci_b"));
    assert!(is_silent(&mut events).await);
}

#[tokio::test(start_paused = true)]
async fn a_batch_hides_no_departure_before_it() {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields.clone());
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    host.remove(&id);
    host.say(|revision| SourceEvent::Batch(vec![said(&id, &fields, revision)]));
    assert_eq!(next(&mut events).await, ["deleted net_eth0_"]);
    assert_eq!(next(&mut events).await, ["created net_eth0_"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_rename_is_healed_by_a_resync() {
    let (kernel, host) = udev();
    let (old, fields) = link("a");
    host.set(&old, fields);
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    host.lose_events(true);
    host.remove(&old);
    let (new, fields) = link("b");
    host.set(&new, fields);
    host.lose_events(false);
    assert!(is_silent(&mut events).await);
    host.resync("receive buffer overrun");
    assert_eq!(next(&mut events).await, ["deleted net_a_", "created net_b_"]);
}

#[tokio::test(start_paused = true)]
async fn a_late_word_brings_nothing_back() {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields.clone());
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    host.remove(&id);
    assert_eq!(next(&mut events).await, ["deleted net_eth0_"]);
    host.say(|_| said(&id, &fields, Revision(1)));
    assert!(is_silent(&mut events).await, "after a departure");
    host.set(&id, fields.clone());
    assert_eq!(next(&mut events).await, ["created net_eth0_"]);
    host.lose_events(true);
    host.remove(&id);
    host.lose_events(false);
    host.resync("test");
    assert_eq!(next(&mut events).await, ["deleted net_eth0_"]);
    host.say(|_| said(&id, &fields, Revision(2)));
    assert!(is_silent(&mut events).await, "after a listing that did not name it");
}

#[tokio::test(start_paused = true)]
async fn a_slow_snapshot_brings_nothing_back() {
    let (kernel, host) = udev();
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    let registry = start(&[kernel]).await;
    let (_, mut events) = registry.subscribe();
    let hold = host.hold_snapshots();
    host.resync("test");
    soon(hold.reached()).await;
    host.remove(&id);
    assert_eq!(next(&mut events).await, ["deleted net_eth0_"]);
    hold.release();
    assert!(is_silent(&mut events).await);
    assert!(registry.snapshot().is_empty());
}
