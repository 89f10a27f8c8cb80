//! A device as JSON has each field where the field's name says, and is read back as it was.

use std::collections::BTreeSet;

use nodedev_types::fields::{device, mdev, mdev_types, net, pci};
use nodedev_types::{
    Capability, Device, DeviceId, DeviceName, EXTENSIONS, Field, FieldName, Fields, MdevAttribute,
    Value,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::arbitrary;

fn device(fields: Fields) -> Device {
    Device {
        name: DeviceName::new("x"),
        id: DeviceId::Computer,
        parent: None,
        active: true,
        persistent: false,
        autostart: true,
        fields,
    }
}

fn json(device: &Device) -> Json {
    serde_json::from_str(&serde_json::to_string(device).unwrap()).unwrap()
}

fn read(json: &Json) -> Result<Device, serde_json::Error> {
    serde_json::from_str(&json.to_string())
}

/// The value at the place that the field's name says.
fn at<'a>(json: &'a Json, name: &FieldName) -> Option<&'a Json> {
    let parts = match name {
        FieldName::Extension(extension) => {
            vec![EXTENSIONS, &extension.namespace, &extension.name]
        }
        FieldName::Known(field) => field.as_str().split('.').collect(),
        other => panic!("{other}"),
    };
    parts.into_iter().try_fold(json, |json, part| json.get(part))
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_written_the_same(device in arbitrary::device()) {
        let text = serde_json::to_string(&device).unwrap();
        let again: Device = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again, &device);
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }

    #[test]
    fn every_field_is_where_its_name_says(device in arbitrary::device()) {
        let json = json(&device);
        for (name, value) in device.fields.iter() {
            let expected = serde_json::to_value(value).unwrap();
            prop_assert_eq!(at(&json, name), Some(&expected), "{}", name);
        }
        for field in arbitrary::fields() {
            let is_there = device.fields.value(&field.into()).is_some();
            prop_assert_eq!(at(&json, &field.into()).is_some(), is_there, "{}", field);
        }
    }
}

#[test]
fn a_device_reads_as_its_document_does() {
    let attribute = |value: &str| vec![MdevAttribute { name: "a".into(), value: value.into() }];
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Mdev);
    fields.set(device::DRIVER, "vfio_mdev");
    fields.set(mdev::TYPE, "t1");
    fields.set(mdev::IOMMU_GROUP, 7_u64);
    fields.set(mdev::ATTRIBUTES, attribute("1"));
    fields.set(mdev::DEFINED_TYPE, "t2");
    fields.set(mdev::DEFINED_ATTRIBUTES, attribute("2"));
    fields.insert(FieldName::extension("acme", "slot"), Value::Number(7));
    let mut device = device(fields);
    device.parent = Some(DeviceName::new("y"));
    let expected = r#"{"name":"x","id":"computer","parent":"y","active":true,"persistent":false,"autostart":true,"capabilities":["mdev"],"capability":"mdev","driver":"vfio_mdev","mdev":{"type":"t1","iommu_group":{"number":7},"attributes":[{"name":"a","value":"1"}],"defined":{"type":"t2","attributes":[{"name":"a","value":"2"}]}},"extensions":{"acme":{"slot":7}}}"#;
    assert_eq!(serde_json::to_string(&device).unwrap(), expected);
}

#[test]
fn no_field_stands_in_the_place_of_another() {
    let own = ["name", "id", "parent", "active", "persistent", "capabilities", EXTENSIONS];
    let mut places: BTreeSet<_> = own.into_iter().map(str::to_owned).collect();
    let mut last: Vec<&str> = Vec::new();
    for field in Field::ALL {
        let parts: Vec<_> = field.as_str().split('.').collect();
        // An object that was left is not entered again: it would be written twice.
        let common = parts.iter().zip(&last).take_while(|(a, b)| a == b).count();
        for depth in common..parts.len() {
            let place = parts[..=depth].join(".");
            assert!(places.insert(place.clone()), "{field}: there is a `{place}` before");
        }
        let is_plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '.');
        assert!(field.as_str().chars().all(is_plain), "{field} needs quotes in jq");
        last = parts;
    }
}

#[test]
fn what_has_no_value_of_its_type_is_absent() {
    let mut fields = Fields::new();
    fields.insert(Field::PciClass.into(), Value::Flag(true));
    fields.insert(FieldName::extension("acme", "types"), Value::MdevTypes(Vec::new()));
    fields.set(net::ADDRESS, "");
    fields.set(device::AUTOSTART, false);
    fields.set(mdev_types::TYPES, Vec::new());
    let json = json(&device(fields));
    assert_eq!(json.get("pci"), None);
    assert_eq!(json.get(EXTENSIONS), None);
    assert_eq!(json["net"], json!({ "address": "" }));
    assert_eq!(json["mdev_types"], json!([]));
    assert_eq!(json["autostart"], true, "the device's own");
    assert_eq!(json.get("parent"), None);
}

fn with(member: &str, value: Json) -> Json {
    let mut json = json(&device(Fields::new()));
    json[member] = value;
    json
}

#[test]
fn members_that_came_later_are_left_out() {
    let later = with("pci", json!({ "class": 1, "colour": { "red": [] }, "product.id": 7 }));
    let mut fields = Fields::new();
    fields.set(pci::CLASS, 1_u64);
    assert_eq!(read(&later).unwrap(), device(fields));
    assert_eq!(read(&with("brain", json!([1]))).unwrap(), device(Fields::new()));
    assert_eq!(read(&with("pci.class", json!("red"))).unwrap(), device(Fields::new()));
}

#[test]
fn a_value_of_another_type_says_where() {
    for (member, value, expected) in [
        ("pci", json!({ "class": "red" }), "field `pci.class`"),
        ("driver", json!(7), "field `driver`"),
        ("pci", json!(7), "expected an object with fields"),
        (EXTENSIONS, json!({ "acme": { "a": -1 } }), "a flag, a number, a text or texts"),
        ("capability", json!("pcie"), "unknown capability"),
    ] {
        let error = read(&with(member, value)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let twice = r#"{"pci":{"class":1,"class":1}}"#;
    let error = serde_json::from_str::<Fields>(twice).unwrap_err();
    assert!(error.to_string().contains("field `pci.class` twice"), "{error}");
}
