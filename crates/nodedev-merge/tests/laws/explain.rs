//! An explanation accounts for every claim.

use std::collections::BTreeSet;

use nodedev_merge::{Claim, Explained, Origin};
use nodedev_types::fields::device;
use nodedev_types::{Device, DeviceId, Field, FieldName, Fields, Observation, SourceId, Value};
use proptest::prelude::*;

use crate::config;
use crate::saying::fields_of;
use crate::store::{Message, Store};
use crate::world::{POLICY, UUID, history};

fn explained(device: &Device, said: &[Observation]) -> Vec<Explained> {
    let of = said.iter().filter(|o| o.device == device.id);
    let claims: Vec<_> =
        of.map(|Observation { source, fields, .. }| Claim { source, fields }).collect();
    POLICY.explain(device, &claims)
}

/// Every order and repetition of the claims is explained alike.
fn explained_otherwise(device: &Device, said: &[Observation]) -> Vec<Explained> {
    let twice: Vec<_> = said.iter().rev().chain(said).cloned().collect();
    explained(device, &twice)
}

fn winners(origin: &Origin) -> Vec<SourceId> {
    match origin {
        Origin::Said(sources) => sources.clone(),
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn every_field_that_is_claimed_stands_there_once(messages in history()) {
        let store = Store::of(&messages);
        let said = store.said();
        for device in store.list().values() {
            let rows = explained(device, &said);
            prop_assert_eq!(&rows, &explained_otherwise(device, &said));
            let (derived, rows) = rows.split_at(4);
            let fields: Vec<_> = derived.iter().map(|row| row.field.as_str()).collect();
            prop_assert_eq!(fields, ["name", "parent", "active", "persistent"]);
            let claims = said.iter().filter(|o| o.device == device.id);
            let claimed: BTreeSet<&FieldName> =
                claims.flat_map(|o| o.fields.iter().map(|(name, _)| name)).collect();
            let claimed: Vec<_> = claimed.into_iter().map(ToString::to_string).collect();
            let fields: Vec<_> = rows.iter().map(|row| row.field.clone()).collect();
            prop_assert_eq!(fields, claimed);
        }
    }

    #[test]
    fn the_values_are_those_of_the_device(messages in history()) {
        let store = Store::of(&messages);
        let said = store.said();
        for device in store.list().values() {
            let rows = explained(device, &said);
            let parent = device.parent.as_ref().map(|parent| Value::from(parent.as_str()));
            prop_assert_eq!(&rows[0].value, &Some(device.name.as_str().into()));
            prop_assert_eq!(&rows[1].value, &parent);
            prop_assert_eq!(&rows[2].value, &Some(device.active.into()));
            prop_assert_eq!(&rows[3].value, &Some(device.persistent.into()));
            for row in &rows[4..] {
                let name: FieldName = row.field.parse().unwrap();
                let value = match name {
                    FieldName::Known(Field::DeviceAutostart) => {
                        prop_assert!(!device.autostart || row.origin != Origin::Nobody);
                        (row.origin != Origin::Nobody).then_some(Value::Flag(device.autostart))
                    }
                    _ => device.fields.value(&name).cloned(),
                };
                prop_assert_eq!(&row.value, &value, "{}", name);
                prop_assert_eq!(row.value.is_none(), row.origin == Origin::Nobody, "{}", name);
            }
        }
    }

    #[test]
    fn each_claim_wins_or_is_lost(messages in history()) {
        let store = Store::of(&messages);
        let said = store.said();
        for device in store.list().values() {
            for row in &explained(device, &said)[4..] {
                let name: FieldName = row.field.parse().unwrap();
                let claims = said.iter().filter(|o| o.device == device.id);
                let claims: Vec<(&SourceId, &Value)> =
                    claims.filter_map(|o| Some((&o.source, o.fields.value(&name)?))).collect();
                let winners = winners(&row.origin);
                prop_assert!(row.lost.is_sorted_by(|a, b| a.source < b.source));
                prop_assert!(winners.is_sorted());
                let lost = row.lost.iter().map(|lost| (&lost.source, &lost.value));
                let won = claims.iter().filter(|(source, _)| winners.contains(source)).copied();
                let all: BTreeSet<_> = lost.chain(won).collect();
                prop_assert_eq!(&all, &claims.iter().copied().collect());
                prop_assert_eq!(row.lost.len() + winners.len(), claims.len());
                if let ([winner], Some(value)) = (winners.as_slice(), &row.value) {
                    let said = claims.iter().find(|(source, _)| *source == winner).unwrap().1;
                    prop_assert!(said == value || matches!(value, Value::Flag(false)));
                }
            }
        }
    }
}

fn rows_of(id: &DeviceId, sources: &[&str]) -> Vec<Explained> {
    let say = |source: &&str| Message::new(source, id, 1, Some(fields_of(source, id, 0)));
    let store = Store::of(&sources.iter().map(say).collect::<Vec<_>>());
    let list = store.list();
    explained(list.values().next().expect("a device"), &store.said())
}

fn row<'a>(rows: &'a [Explained], field: &str) -> &'a Explained {
    rows.iter().find(|row| row.field == field).expect("such a row")
}

#[test]
fn a_running_defined_device_explains_itself() {
    let id = DeviceId::mdev(UUID, "mtty");
    let rows = rows_of(&id, &["udev", "mdevctl/defined", "mdevctl/active"]);
    let origin = |field: &str| row(&rows, field).origin.to_string();
    assert_eq!(origin("active"), "derived: asserted by udev");
    assert_eq!(origin("persistent"), "derived: asserted by mdevctl/defined");
    assert_eq!(origin("parent"), "derived: no sysfs ancestor is a device: the host");
    assert_eq!(origin("autostart"), "mdevctl/defined");
    assert_eq!(row(&rows, "autostart").value, Some(Value::Flag(true)));
    let kind = row(&rows, "mdev.type");
    assert_eq!(kind.origin.to_string(), "udev");
    assert_eq!(kind.lost[0].source.as_str(), "mdevctl/active");
    assert_eq!(kind.lost[0].value, "mtty-1".into());
    assert!(kind.why.starts_with("the link in sysfs"), "{}", kind.why);
    let lost: Vec<_> = row(&rows, "mdev.uuid").lost.iter().map(|l| l.source.as_str()).collect();
    assert_eq!(lost, ["mdevctl/active", "mdevctl/defined"]);
}

#[test]
fn a_stopped_definition_shows_what_is_not_heard() {
    let id = DeviceId::mdev(UUID, "mtty");
    let rows = rows_of(&id, &["mdevctl/defined", "mdevctl/active"]);
    let parent = row(&rows, "parent").origin.to_string();
    assert_eq!(parent, "derived: no device has the parent address `mtty`: the host");
    assert_eq!(row(&rows, "active").origin.to_string(), "derived: nobody asserts it");
    let attributes = row(&rows, "mdev.attributes");
    assert_eq!((&attributes.value, attributes.origin.to_string()), (&None, "nobody".to_owned()));
    assert_eq!(attributes.lost.len(), 1);
}

#[test]
fn the_host_is_always_defined_and_started() {
    let rows = rows_of(&DeviceId::Computer, &["udev", "acme"]);
    let origin = |field: &str| row(&rows, field).origin.to_string();
    assert_eq!(origin("parent"), "derived: the host has none");
    assert_eq!(origin("active"), "derived: asserted by udev");
    assert_eq!(origin("persistent"), "derived: the host is always defined");
    let autostart = row(&rows, "autostart");
    assert_eq!(autostart.value, Some(Value::Flag(true)));
    assert_eq!(autostart.origin.to_string(), "derived: the host is always started");
    assert_eq!(autostart.lost.len(), 1);
}

#[test]
fn a_third_partys_device_and_field_are_its_own() {
    let rows = rows_of(&DeviceId::foreign("acme", "x"), &["acme", "udev"]);
    let path = row(&rows, "path");
    assert_eq!(
        (path.origin.to_string(), &*path.why),
        ("acme".into(), "the device is the source's own")
    );
    let rows = rows_of(&crate::world::sysfs("/sys/devices/a"), &["acme", "udev"]);
    let slot = row(&rows, "acme:slot");
    assert_eq!(
        (slot.origin.to_string(), &*slot.why),
        ("acme".into(), "the field is the source's own")
    );
    let rows = rows_of(&DeviceId::foreign("net", "x"), &["shadow"]);
    assert_eq!(row(&rows, "parent").origin.to_string(), "derived: without a sysfs path: the host");
}

#[test]
fn an_autostart_that_nobody_may_say_has_no_value() {
    let id = DeviceId::mdev(UUID, "mtty");
    let say = |source: &str, autostart: Option<bool>| {
        let mut fields = Fields::new();
        fields.set_opt(device::AUTOSTART, autostart);
        Message::new(source, &id, 1, Some(fields))
    };
    let store = Store::of(&[say("mdevctl/defined", None), say("udev", Some(true))]);
    let list = store.list();
    let rows = explained(list.values().next().unwrap(), &store.said());
    let autostart = row(&rows, "autostart");
    assert_eq!((&autostart.value, &autostart.origin), (&None, &Origin::Nobody));
    assert_eq!(autostart.lost.len(), 1);
}
