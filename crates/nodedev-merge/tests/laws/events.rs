//! Clients that follow the events hold the list.

use std::collections::BTreeMap;

use nodedev_merge::{Change, ChangeKind, in_order};
use nodedev_types::{Device, DeviceId, DeviceName};
use proptest::prelude::*;

use crate::config;
use crate::store::{List, Message, Store};
use crate::world::{DEVICES, MAC, PCI, UUID, history, said, sysfs};

pub(crate) fn events(old: &List, new: &List) -> Vec<Change> {
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    in_order(names.into_iter().map(|name| (old.get(name), new.get(name))))
}

/// A client that reads a device by name when an event tells it to, and knows nothing else.
fn follow(held: &mut List, change: &Change, published: &List) {
    let device = held.get(&change.name);
    let is_gone = match change.kind {
        ChangeKind::Deleted => device.is_none_or(|device| !device.persistent),
        ChangeKind::Undefined => device.is_none_or(|device| !device.active),
        _ => false,
    };
    match published.get(&change.name).filter(|_| !is_gone) {
        Some(device) => held.insert(change.name.clone(), device.clone()),
        None => held.remove(&change.name),
    };
}

/// Two lists that share most of what is said.
fn two_lists() -> impl Strategy<Value = (List, List)> {
    let later = prop::collection::vec((any::<prop::sample::Index>(), said()), 0..8);
    (history(), history(), later).prop_map(|(messages, other, later)| {
        let old = Store::of(&messages);
        let mut new = old.clone();
        for (at, bits) in later {
            let all: Vec<_> = messages.iter().chain(&other).collect();
            if all.is_empty() {
                continue;
            }
            let Message { source, device, .. } = at.get(&all);
            let fields = bits.map(|bits| crate::saying::fields_of(source.as_str(), device, bits));
            new.hear(&Message::new(source.as_str(), device, 1000, fields));
        }
        (old.list(), new.list())
    })
}

fn stage(kind: ChangeKind) -> u8 {
    match kind {
        ChangeKind::Deleted | ChangeKind::Undefined => 0,
        ChangeKind::Created | ChangeKind::Defined => 1,
        _ => 2,
    }
}

/// What a name going from `old` to `new` must tell.
fn expected(old: Option<&Device>, new: Option<&Device>) -> Vec<ChangeKind> {
    let same = matches!((old, new), (Some(old), Some(new)) if old.id == new.id);
    let state = |device: Option<&Device>| {
        device.map_or((false, false), |device| (device.active, device.persistent))
    };
    let ((was_active, was_persistent), (active, persistent)) = (state(old), state(new));
    let table = [
        (was_active && !(same && active), ChangeKind::Deleted),
        (was_persistent && !(same && persistent), ChangeKind::Undefined),
        (active && !(same && was_active), ChangeKind::Created),
        (persistent && !(same && was_persistent), ChangeKind::Defined),
    ];
    let kinds: Vec<_> = table.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).collect();
    if kinds.is_empty() && old != new { vec![ChangeKind::Updated] } else { kinds }
}

/// Where the events of each name stand: the first and the last place in that stage.
fn places(events: &[Change], wanted: u8) -> BTreeMap<&DeviceName, (usize, usize)> {
    let mut places = BTreeMap::new();
    for (at, change) in events.iter().enumerate().filter(|(_, c)| stage(c.kind) == wanted) {
        places.entry(&change.name).or_insert((at, at)).1 = at;
    }
    places
}

proptest! {
    #![proptest_config(config(1000))]

    /// Law 5.
    #[test]
    fn following_the_events_gives_the_new_list((old, new) in two_lists()) {
        let mut held = old.clone();
        for change in events(&old, &new) {
            follow(&mut held, &change, &new);
        }
        prop_assert_eq!(held, new);
    }

    #[test]
    fn each_name_tells_exactly_what_happened_to_it((old, new) in two_lists()) {
        let events = events(&old, &new);
        let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
        let mut count = 0;
        for name in names {
            let (old, new) = (old.get(name), new.get(name));
            let of_name: Vec<_> = events.iter().filter(|change| change.name == *name).collect();
            let kinds: Vec<_> = of_name.iter().map(|change| change.kind).collect();
            prop_assert_eq!(&kinds, &expected(old, new));
            for change in of_name {
                let device = if stage(change.kind) == 0 { old } else { new };
                prop_assert_eq!(Some(&change.id), device.map(|device| &device.id));
                count += 1;
            }
        }
        prop_assert_eq!(count, events.len());
    }

    /// Law 2.
    #[test]
    fn nothing_new_tells_nothing(messages in history()) {
        let list = Store::of(&messages).list();
        prop_assert_eq!(events(&list, &list), vec![]);
    }

    #[test]
    fn children_go_before_their_parents_and_come_after_them((old, new) in two_lists()) {
        let events = events(&old, &new);
        prop_assert!(events.is_sorted_by_key(|change| stage(change.kind)));
        let (lost, gained) = (places(&events, 0), places(&events, 1));
        for device in old.values() {
            let parent = device.parent.as_ref().and_then(|parent| lost.get(parent));
            if let (Some((_, child)), Some((parent, _))) = (lost.get(&device.name), parent) {
                prop_assert!(child < parent, "{} goes after its parent", device.name);
            }
        }
        for device in new.values() {
            let parent = device.parent.as_ref().and_then(|parent| gained.get(parent));
            if let (Some((child, _)), Some((_, parent))) = (gained.get(&device.name), parent) {
                prop_assert!(parent < child, "{} comes before its parent", device.name);
            }
        }
    }

    #[test]
    fn the_order_of_the_changes_does_not_matter(
        (old, new) in two_lists(),
        picks in prop::collection::vec(any::<u64>(), 32),
    ) {
        let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
        let mut names: Vec<_> = names.into_iter().zip(picks).collect();
        names.sort_by_key(|(_, pick)| *pick);
        let shuffled = in_order(names.iter().map(|(name, _)| (old.get(*name), new.get(*name))));
        let among = |change: &Change| names.iter().any(|(name, _)| **name == change.name);
        let mut straight = events(&old, &new);
        straight.retain(among);
        prop_assert_eq!(shuffled, straight);
    }
}

fn tell(store: &mut Store, device: &DeviceId, revision: u64, bits: Option<u64>) {
    let fields = bits.map(|bits| crate::saying::fields_of("udev", device, bits));
    store.hear(&Message::new("udev", device, revision, fields));
}

fn told(old: &Store, new: &Store) -> Vec<String> {
    let events = events(&old.list(), &new.list());
    events.iter().map(|change| format!("{} {} {}", change.kind, change.name, change.id)).collect()
}

#[test]
fn a_smaller_id_that_takes_a_name_is_a_deletion_and_two_creations() {
    let (small, large) = (sysfs(&format!("{PCI}/net/a-1")), sysfs(&format!("{PCI}/net/a_1")));
    let mut old = Store::default();
    tell(&mut old, &large, 1, Some(0));
    let mut new = old.clone();
    tell(&mut new, &small, 2, Some(0));
    let name = format!("net_a_1_{}", MAC.replace(':', "_"));
    let suffix = crate::oracle::fnv1a(large.to_string().as_bytes()) >> 32;
    let expected = [
        format!("deleted {name} {large}"),
        format!("created {name} {small}"),
        format!("created {name}_{suffix:08x} {large}"),
    ];
    assert_eq!(told(&old, &new), expected);
    let back = [
        format!("deleted {name}_{suffix:08x} {large}"),
        format!("deleted {name} {small}"),
        format!("created {name} {large}"),
    ];
    assert_eq!(told(&new, &old), back);
}

#[test]
fn a_rename_is_a_deletion_and_a_creation_and_the_children_follow() {
    let [a, a_b, a_b_c, other] =
        ["a", "a/b", "a/b/c", "a-b"].map(|path| sysfs(&format!("/sys/devices/{path}")));
    let mut old = Store::default();
    [&a, &a_b, &a_b_c].into_iter().for_each(|id| tell(&mut old, id, 1, Some(0)));
    let mut new = old.clone();
    [&a, &a_b].into_iter().for_each(|id| tell(&mut new, id, 2, None));
    tell(&mut new, &other, 2, Some(0));
    let expected = [
        "deleted platform_b /sys/devices/a/b",
        "deleted platform_a /sys/devices/a",
        "created platform_a_b /sys/devices/a-b",
        "updated platform_c /sys/devices/a/b/c",
    ];
    assert_eq!(told(&old, &new), expected);
}

#[test]
fn the_host_comes_first_and_goes_last() {
    let mut all = Store::default();
    for (at, device) in DEVICES.iter().enumerate() {
        tell(&mut all, device, at as u64, Some(0));
    }
    let none = Store::default();
    assert_eq!(told(&none, &all)[..2], ["created computer computer", "defined computer computer"]);
    // Within one device: deleted before undefined, created before defined.
    let going = told(&all, &none);
    assert_eq!(going[going.len() - 1], "undefined computer computer");
    assert_eq!(going[going.len() - 2], "deleted computer computer");
}

/// Its parent is the one that its address means.
#[test]
fn a_device_with_an_unusable_path_comes_after_its_parent() {
    let (parent, child) = (sysfs(PCI), DeviceId::mdev(UUID, "0000:00:02.0"));
    for unusable in ["", "not a path", "/sys//devices"] {
        let mut fields = crate::saying::fields_of("udev", &child, 0);
        fields.set(nodedev_types::fields::device::PATH, unusable);
        let mut all = Store::of(&[Message::new("udev", &child, 1, Some(fields))]);
        tell(&mut all, &parent, 1, Some(0));
        let coming = told(&Store::default(), &all);
        assert!(coming[0].starts_with("created pci_"), "{coming:?}");
        let going = told(&all, &Store::default());
        assert!(going[0].starts_with("deleted mdev_"), "{going:?}");
    }
}
