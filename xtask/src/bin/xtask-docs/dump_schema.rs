//! `docs/dump.schema.json`: the JSON of devices as a JSON Schema, from the tables and values of
//! `nodedev-types`.

use std::iter;

use nodedev_types::{
    Capability, CcwgroupMember, EXTENSIONS, Field, JSON_VERSION, MdevAttribute, MdevType,
    PciExpress, PciVpd, ValueKind, fields::device,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "\
What `nodedev dump --json` and `nodedev list --json` print, and what a device is in the other JSON of \
nodedev and in its varlink interface. A member that is not known of a device is not there. This schema \
is of one release and closed; later releases with the same version only add members. docs/json.md \
says more.";

const ADDRESS: &str = "^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-9]{1,3}$";

const ID: &str = "^(computer|/sys(/.*)?|[^:/]+:.*)$";

pub(crate) fn page() -> String {
    let schema = schema();
    format!("{schema:#}\n")
}

fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut definitions = groups(&mut generator);
    definitions.insert("device".into(), a_device(&mut generator));
    definitions.insert("capability".into(), one_of(Capability::ALL));
    definitions.insert("pci_address".into(), json!({ "type": "string", "pattern": ADDRESS }));
    definitions.insert("extension".into(), extension());
    definitions.extend(generator.take_definitions(true));
    definitions.values_mut().for_each(without_null);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:x-nodedev:dump:{JSON_VERSION}"),
        "$comment": "Made by `cargo xtask docs`. Do not edit.",
        "title": "Node devices",
        "description": DESCRIPTION,
        "type": "object",
        "properties": {
            "version": { "description": "Version of this shape.", "const": JSON_VERSION },
            "devices": {
                "description": "The devices in the order of their names, or in that asked for.",
                "type": "array",
                "items": reference("device"),
            },
        },
        "required": ["version", "devices"],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// An object for each group of fields.
fn groups(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut groups = Map::new();
    for field in Field::ALL {
        let Some(group) = field.group() else { continue };
        let described = || object(&field.group_description());
        let root = groups.entry(group).or_insert_with(described);
        let place: Vec<_> = field.as_str().split('.').skip(1).collect();
        *member(root, &place) = value(*field, generator);
    }
    groups
}

/// The place of a member that is that deep in an object. What lies between is made.
fn member<'a>(object: &'a mut Value, place: &[&str]) -> &'a mut Value {
    let Some((first, rest)) = place.split_first() else { return object };
    let inner = &mut object["properties"][*first];
    if inner.is_null() && !rest.is_empty() {
        *inner = self::object("");
    }
    member(inner, rest)
}

/// An object that is not there when it would be empty.
fn object(description: &str) -> Value {
    let mut object = json!({
        "type": "object",
        "properties": {},
        "minProperties": 1,
        "additionalProperties": false,
    });
    if !description.is_empty() {
        object["description"] = description.into();
    }
    object
}

fn a_device(generator: &mut SchemaGenerator) -> Value {
    let mut device = object("A device, or its first members as `nodedev list --json` prints them.");
    device["required"] = json!(["name", "id", "active", "persistent", "autostart", "capabilities"]);
    for (name, schema) in own_members() {
        device["properties"][name] = schema;
    }
    // That it starts together with its parent is one of these already.
    let fields = Field::ALL.iter().filter(|&&field| field != device::AUTOSTART.field());
    for &field in fields {
        match field.group() {
            Some(group) => device["properties"][group] = reference(group),
            None => device["properties"][field.as_str()] = value(field, generator),
        }
    }
    device
}

/// What is no field.
fn own_members() -> [(&'static str, Value); 8] {
    let described = |mut schema: Value, description: &str| {
        schema["description"] = description.into();
        schema
    };
    let flag = |description| described(json!({ "type": "boolean" }), description);
    let text = |description| described(json!({ "type": "string" }), description);
    let id = described(
        json!({ "type": "string", "pattern": ID }),
        "Who it is, whatever its name: `computer`, a sysfs path, `mdev:UUID@PARENT`, or \
         `NAMESPACE:KEY`.",
    );
    let capabilities = described(
        json!({ "type": "array", "items": reference("capability"), "uniqueItems": true }),
        "The main capability first, then those nested in it: what `nodedev list --cap` looks at.",
    );
    let extensions = described(
        json!({ "type": "object", "additionalProperties": reference("extension"), "minProperties": 1 }),
        "Fields of third-party sources, by their name space.",
    );
    [
        ("name", text("libvirt's name of it.")),
        ("id", id),
        ("parent", text("Name of its parent. Only `computer` has none.")),
        ("active", flag("Whether it exists in the kernel, or wherever its source looks.")),
        ("persistent", flag("Whether there is a definition of it.")),
        ("autostart", flag("Whether it starts together with its parent.")),
        ("capabilities", capabilities),
        (EXTENSIONS, extensions),
    ]
}

fn extension() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let scalars = ["boolean", "integer", "string"].map(|scalar| json!({ "type": scalar }));
    let any: Vec<_> = scalars.into_iter().chain(iter::once(texts)).collect();
    json!({
        "description": "The fields of one name space.",
        "type": "object",
        "additionalProperties": { "anyOf": any },
        "minProperties": 1,
    })
}

fn value(field: Field, generator: &mut SchemaGenerator) -> Value {
    let mut schema = of_kind(field.kind(), generator);
    schema["description"] = field.description().into();
    schema
}

fn of_kind(kind: ValueKind, generator: &mut SchemaGenerator) -> Value {
    match kind {
        ValueKind::Flag => derived::<bool>(generator),
        ValueKind::Number => derived::<u64>(generator),
        ValueKind::Text => derived::<String>(generator),
        ValueKind::Texts => derived::<Vec<String>>(generator),
        ValueKind::Capability => reference("capability"),
        ValueKind::PciAddress => reference("pci_address"),
        ValueKind::PciAddresses => {
            json!({ "type": "array", "items": reference("pci_address") })
        }
        ValueKind::PciExpress => derived::<PciExpress>(generator),
        ValueKind::PciVpd => derived::<PciVpd>(generator),
        ValueKind::MdevTypes => derived::<Vec<MdevType>>(generator),
        ValueKind::Attributes => derived::<Vec<MdevAttribute>>(generator),
        ValueKind::CcwgroupMembers => derived::<Vec<CcwgroupMember>>(generator),
        _ => unreachable!("a type without a schema: {kind:?}"),
    }
}

fn derived<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// What has no value is not there, which is not the same as null.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(options)) = members.get_mut("anyOf") {
                options.retain(|option| option["type"] != "null");
                if let [Value::Object(only)] = options.as_slice() {
                    let only = only.clone();
                    members.remove("anyOf");
                    members.extend(only);
                }
            }
            members.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => (),
    }
}

fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{definition}") })
}

fn one_of(capabilities: &[Capability]) -> Value {
    json!({
        "description": "The name of a capability. Later releases may know more.",
        "enum": capabilities,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reference leads to.
    fn resolved<'a>(schema: &'a Value, at: &'a Value) -> &'a Value {
        let Some(reference) = at["$ref"].as_str() else { return at };
        let found = schema.pointer(reference.strip_prefix('#').unwrap());
        found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    #[test]
    fn every_field_of_the_table_has_its_place_and_its_description() {
        let schema = schema();
        for field in Field::ALL {
            let found = field.as_str().split('.').fold(&schema["$defs"]["device"], |at, part| {
                &resolved(&schema, at)["properties"][part]
            });
            assert!(found.is_object(), "{field}");
            if *field != device::AUTOSTART.field() {
                assert_eq!(found["description"], field.description(), "{field}");
            }
        }
    }

    fn check(schema: &Value, at: &Value, place: &str) {
        if at.get("$ref").is_some() {
            resolved(schema, at);
        }
        if at["type"] == "object" {
            assert!(at.get("additionalProperties").is_some(), "{place} is open: {at}");
        }
        match at {
            Value::Object(members) => {
                members.iter().for_each(|(name, at)| check(schema, at, &format!("{place}/{name}")));
            }
            Value::Array(items) => items.iter().for_each(|at| check(schema, at, place)),
            _ => (),
        }
    }

    #[test]
    fn nothing_is_null() {
        assert!(!page().contains("\"null\""));
    }

    #[test]
    fn every_object_is_closed_and_every_reference_leads_somewhere() {
        let schema = schema();
        check(&schema, &schema, "");
    }
}
