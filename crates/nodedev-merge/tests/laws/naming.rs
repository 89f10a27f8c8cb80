//! Every device has a name of its own.

use std::collections::BTreeSet;

use nodedev_merge::{base_name, names_in_group, suffixed_group};
use nodedev_types::{DeviceId, DeviceName};
use proptest::prelude::*;

use crate::config;
use crate::store::{Message, Store};
use crate::world::{DEVICES, history};

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn names_are_unique_and_nobody_is_lost(messages in history()) {
        let store = Store::of(&messages);
        let list = store.list();
        let ids: BTreeSet<_> = list.values().map(|device| &device.id).collect();
        prop_assert_eq!(ids.len(), list.len());
        for (name, device) in &list {
            prop_assert_eq!(name, &device.name);
        }
        for said in store.said() {
            let asserts = match (&said.device, said.source.as_str()) {
                (DeviceId::Foreign { namespace, .. }, "acme") => &**namespace == "acme",
                (DeviceId::Foreign { namespace, .. }, "shadow") => &**namespace == "net",
                (DeviceId::Foreign { .. }, _) => false,
                (_, source) => matches!(source, "udev" | "mdevctl/defined"),
            };
            prop_assert!(!asserts || ids.contains(&said.device), "{} is lost", said.device);
        }
    }

    /// The smallest id of those that want a name has it; every other name is that name, suffixed,
    /// from which the group can be told.
    #[test]
    fn the_smallest_id_keeps_the_name(messages in history()) {
        let list = Store::of(&messages).list();
        for device in list.values() {
            let base = base_name(&device.id, &device.fields);
            let holder = &list[&base];
            prop_assert!(holder.id <= device.id);
            prop_assert_eq!(&base_name(&holder.id, &holder.fields), &base);
            if holder.id != device.id {
                prop_assert_eq!(suffixed_group(device.name.as_str()), Some(base.as_str()));
            }
        }
    }

    /// Whatever names are taken by others, short of all.
    #[test]
    fn a_group_finds_names_that_are_free(
        ids in prop::sample::subsequence(DEVICES.clone(), 1..8).prop_shuffle(),
        longest in 0..120_usize,
    ) {
        let base = DeviceName::new("n");
        let is_base = |name: &str| name == "n" || name.len() < longest;
        let names = names_in_group(&base, &ids, is_base);
        let distinct: BTreeSet<_> = names.iter().map(|(_, name)| name).collect();
        prop_assert_eq!(distinct.len(), ids.len());
        prop_assert_eq!(&names[0], &(ids.iter().min().unwrap(), base.clone()));
        for (_, name) in &names[1..] {
            prop_assert!(!is_base(name.as_str()));
            prop_assert_eq!(suffixed_group(name.as_str()), Some("n"));
        }
    }
}

/// Identities in name spaces with a colon cannot be told apart by their texts.
#[test]
fn equal_texts_do_not_make_equal_names() {
    let ids = [DeviceId::Computer, DeviceId::foreign("a", "b:c"), DeviceId::foreign("a:b", "c")];
    assert_eq!(ids[1].to_string(), ids[2].to_string());
    let names = names_in_group(&DeviceName::new("n"), &ids, |_| false);
    let distinct: BTreeSet<_> = names.iter().map(|(_, name)| name).collect();
    assert_eq!(distinct.len(), 3);
}

#[test]
fn a_lookalike_makes_the_suffix_longer_and_its_leaving_makes_it_short_again() {
    let udev =
        |id: &DeviceId| Message::new("udev", id, 1, Some(crate::saying::fields_of("udev", id, 0)));
    let is_net = |id: &&DeviceId| id.to_string().contains("/net/");
    let all: Vec<_> = DEVICES.iter().filter(is_net).map(udev).collect();
    let name_of_large = |messages: &[Message]| {
        let list = Store::of(messages).list();
        let large = |id: &DeviceId| id.to_string().ends_with("/net/a_1");
        list.into_values().find(|device| large(&device.id)).unwrap().name
    };
    // a-1, a.1, a_1, then the lookalikes: short, long, longest.
    let group = "net_a_1_02_00_00_00_00_01".len();
    let digits = |messages: &[Message]| name_of_large(messages).as_str().len() - group - 1;
    let text = all[1].device.to_string().len();
    assert_eq!(all.len(), 6);
    assert_eq!(digits(&all[..3]), 8);
    assert_eq!(digits(&all[..4]), 16);
    assert_eq!(digits(&all[..5]), 2 * text);
    assert_eq!(digits(&all[..6]), 2 * text + 1);
    assert_eq!(digits(&[&all[..3], &all[4..]].concat()), 8);
}
