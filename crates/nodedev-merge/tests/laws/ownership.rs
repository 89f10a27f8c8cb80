//! Nobody changes what is not theirs.

use std::collections::BTreeMap;

use nodedev_merge::{Policy, view};
use nodedev_types::{
    Device, DeviceId, Field, FieldName, FieldSet, Fields, Presence, SourceId, StreamInfo,
};
use proptest::prelude::*;

use crate::config;
use crate::saying::fields_of;
use crate::store::{List, Message, Store};
use crate::world::{DEVICES, SOURCES, history, said, streams};

/// Whether the word of `source` can count for the field, by the specification.
fn owns(source: &str, id: &DeviceId, name: &FieldName) -> bool {
    let namespace = match (id, name) {
        (DeviceId::Foreign { namespace, .. }, _) => &**namespace,
        (_, FieldName::Extension(extension)) => extension.namespace.as_str(),
        (_, FieldName::Known(field)) => {
            let owners: &[&str] = match field {
                Field::DeviceCapability | Field::MdevUuid | Field::MdevParentAddr => {
                    &["udev", "mdevctl/defined"]
                }
                Field::MdevAttributes => &["mdevctl/active"],
                Field::DeviceAutostart | Field::MdevDefinedType | Field::MdevDefinedAttributes => {
                    &["mdevctl/defined"]
                }
                _ => &["udev"],
            };
            return owners.contains(&source);
        }
        _ => return false,
    };
    matches!((namespace, source), ("acme", "acme") | ("net", "shadow"))
}

/// Only what is the source's own of one saying, and what is not of another.
fn disturbed(source: &str, id: &DeviceId, own: &Fields, other: Fields) -> Fields {
    let own = own.iter().filter(|(name, _)| owns(source, id, name));
    let other = other.iter().filter(|(name, _)| !owns(source, id, name));
    own.chain(other).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn by_id(list: &List) -> BTreeMap<&DeviceId, &Device> {
    list.values().map(|device| (&device.id, device)).collect()
}

fn without_extensions_of(namespace: &str, device: &Device) -> Device {
    let own =
        |name: &FieldName| matches!(name, FieldName::Extension(of) if of.namespace == namespace);
    let fields = device.fields.iter().filter(|(name, _)| !own(name));
    let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    Device { fields, ..device.clone() }
}

proptest! {
    #![proptest_config(config(1000))]

    /// Law 7.
    #[test]
    fn what_a_source_does_not_own_it_does_not_change(
        messages in history(),
        source in prop::sample::select(&SOURCES[..]),
        bits in prop::collection::vec(any::<u64>(), 32),
    ) {
        let disturb = |(message, bits): (&Message, &u64)| {
            let Message { source: by, device, .. } = message;
            let fields = message.fields.as_ref().filter(|_| by.as_str() == source);
            let fields = fields.map(|own| disturbed(source, device, own, fields_of(source, device, *bits | 3)));
            let fields = fields.or_else(|| message.fields.clone());
            Message { fields, ..message.clone() }
        };
        let others: Vec<_> = messages.iter().zip(&bits).map(disturb).collect();
        prop_assert_eq!(Store::of(&messages).list(), Store::of(&others).list());
    }

    /// Law 7 for a stream that nobody has reckoned with and that speaks of everything.
    #[test]
    fn a_newcomer_adds_and_changes_nothing(
        messages in history(),
        presence in prop::sample::select(vec![Presence::Active, Presence::Defined, Presence::Nothing]),
        sayings in prop::collection::vec((any::<prop::sample::Index>(), said()), 0..12),
    ) {
        let everything = FieldSet::new().with_fields(Field::ALL.iter().copied());
        let newcomer = StreamInfo::new("zeal", presence, everything).with_namespace("zeal");
        let policy = Policy::new(streams().into_iter().chain([newcomer])).unwrap();
        let mut targets = DEVICES.clone();
        targets.extend(["0000:00:02.0", "x"].map(|key| DeviceId::foreign("zeal", key)));
        let store = Store::of(&messages);
        let mut louder = store.clone();
        for (at, bits) in &sayings {
            let device = at.get(&targets);
            let mut fields = bits.map(|bits| fields_of("acme", device, bits));
            if let Some(fields) = &mut fields {
                fields.insert(FieldName::extension("zeal", "x"), true.into());
            }
            louder.hear(&Message::new("zeal", device, 1000, fields));
        }
        let (before, after) = (store.list(), view(&policy, &louder.said()));
        let (before, after) = (by_id(&before), by_id(&after));
        for (id, device) in &before {
            prop_assert_eq!(*device, &without_extensions_of("zeal", after[id]));
        }
        let own = |id: &DeviceId| matches!(id, DeviceId::Foreign { namespace, .. } if &**namespace == "zeal");
        prop_assert!(after.keys().all(|id| before.contains_key(*id) || own(id)));
    }
}

#[test]
fn every_field_of_the_model_has_an_owner() {
    let policy = crate::world::POLICY.clone();
    for &field in Field::ALL {
        let rule = policy.rule(field).unwrap_or_else(|| panic!("{field} stands in no rule"));
        assert!(!rule.sources().is_empty() && !rule.why.is_empty(), "{field}");
    }
}

#[test]
fn absent_is_not_empty() {
    let id = DeviceId::foreign("acme", "x");
    let mut fields = Fields::new();
    fields.set(nodedev_types::fields::device::DRIVER, "");
    let list = Store::of(&[Message::new("acme", &id, 1, Some(fields.clone()))]).list();
    assert_eq!(list["acme_x"].fields, fields);
}

#[test]
fn what_only_the_active_listing_knows_makes_no_device() {
    let id = DeviceId::mdev(crate::world::UUID, "mtty");
    let fields = fields_of(SourceId::MDEVCTL_ACTIVE, &id, 0);
    let live = Message::new(SourceId::MDEVCTL_ACTIVE, &id, 1, Some(fields));
    assert!(Store::of([&live]).list().is_empty());
    let running = Message::new("udev", &id, 1, Some(fields_of("udev", &id, 0)));
    let list = Store::of([&live, &running]).list();
    let device = list.values().next().unwrap();
    assert_eq!(device.fields.value(&Field::MdevType.into()), Some(&"mtty-2".into()));
    assert!(device.fields.value(&Field::MdevAttributes.into()).is_some());
}

#[test]
fn a_definition_that_stops_loses_what_was_running() {
    let id = DeviceId::mdev(crate::world::UUID, "mtty");
    let say = |source| Message::new(source, &id, 1, Some(fields_of(source, &id, 0)));
    let all = [say("udev"), say("mdevctl/defined"), say("mdevctl/active")];
    let mut store = Store::of(&all);
    store.hear(&Message::new("udev", &id, 2, None));
    let list = store.list();
    let device = list.values().next().unwrap();
    assert!(!device.active && device.persistent && device.autostart);
    let names: Vec<_> = device.fields.iter().map(|(name, _)| name.to_string()).collect();
    let expected = [
        "capability",
        "mdev.uuid",
        "mdev.parent_addr",
        "mdev.defined.type",
        "mdev.defined.attributes",
    ];
    assert_eq!(names, expected);
}

#[test]
fn only_a_definition_can_start_by_itself() {
    let id = DeviceId::foreign("acme", "slot 1");
    let message = Message::new("acme", &id, 1, Some(fields_of("acme", &id, 0)));
    let list = Store::of([&message]).list();
    assert!(list["acme_slot_1"].active && !list["acme_slot_1"].autostart);
    let mut fields = Fields::new();
    fields.set(nodedev_types::fields::device::AUTOSTART, true);
    let id = DeviceId::foreign("net", "x");
    let list = Store::of([&Message::new("shadow", &id, 1, Some(fields))]).list();
    assert!(list["net_x"].persistent && list["net_x"].autostart && list["net_x"].fields.is_empty());
}
