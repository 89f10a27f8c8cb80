//! The fields of one device out of JSON, one by one: a bad one costs itself.
//!
//! The shape is that of a device in `docs/json.md`. Knows no device and no line.

use nodedev_types::fields::device;
use nodedev_types::{Capability, EXTENSIONS, Field, FieldName, FieldSet, Fields};
use serde_json::{Map, Value};

use crate::message::excerpt;

/// A field, or what should have been one, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadField {
    pub(crate) name: String,
    pub(crate) problem: String,
}

/// What is read, and from where.
struct Reading<'a> {
    /// The fields that may be said.
    may: &'a FieldSet,
    fields: Fields,
    bad: Vec<BadField>,
}

/// Reads all that can be read, of the fields that may be said.
pub(crate) fn read(object: Map<String, Value>, may: &FieldSet) -> (Fields, Vec<BadField>) {
    let mut reading = Reading { may, fields: Fields::new(), bad: Vec::new() };
    for (member, value) in object {
        if member == EXTENSIONS {
            reading.extensions(value);
        } else {
            reading.member(member, value);
        }
    }
    reading.check_capability();
    (reading.fields, reading.bad)
}

impl Reading<'_> {
    fn member(&mut self, name: String, value: Value) {
        if let Ok(field) = name.parse::<Field>() {
            return self.field(field.into(), value);
        }
        let is_below = |field: &&Field| {
            field.as_str().strip_prefix(&*name).is_some_and(|rest| rest.starts_with('.'))
        };
        match value {
            Value::Object(members) if Field::ALL.iter().any(|field| is_below(&field)) => {
                for (member, value) in members {
                    self.member(format!("{name}.{member}"), value);
                }
            }
            _ => self.refuse(name, "there is no such field".to_owned()),
        }
    }

    fn extensions(&mut self, value: Value) {
        let Value::Object(spaces) = value else {
            return self.refuse(EXTENSIONS.to_owned(), not_an_object(&value));
        };
        for (namespace, value) in spaces {
            let Value::Object(members) = value else {
                self.refuse(format!("{EXTENSIONS}.{namespace}"), not_an_object(&value));
                continue;
            };
            for (member, value) in members {
                self.field(FieldName::extension(&namespace, &member), value);
            }
        }
    }

    fn field(&mut self, name: FieldName, value: Value) {
        if !self.may.contains(&name) {
            return self.refuse(name.to_string(), "is not this source's to say".to_owned());
        }
        // What cannot be read back from its text cannot be shown.
        if name.to_string().parse() != Ok(name.clone()) {
            return self.refuse(name.to_string(), "is no name of a field".to_owned());
        }
        // Nobody writes a name over lines.
        if has_any_control(&name.to_string()) {
            return self.refuse(name.to_string(), "has control characters in its name".to_owned());
        }
        if has_control_characters(&value) {
            let shown = excerpt(value.to_string().as_bytes());
            return self.refuse(name.to_string(), format!("has control characters: `{shown}`"));
        }
        match name.read_value(&value) {
            Ok(read) => self.fields.insert(name, read),
            Err(error) => {
                let shown = excerpt(value.to_string().as_bytes());
                self.refuse(name.to_string(), format!("{error}: `{shown}`"));
            }
        }
    }

    /// Mediated devices have identities of their own, which others make.
    fn check_capability(&mut self) {
        if self.fields.get(device::CAPABILITY) == Some(Capability::Mdev) {
            self.fields.remove(&device::CAPABILITY.field().into());
            self.refuse("capability".to_owned(), "no device of a program is an mdev".to_owned());
        }
    }

    fn refuse(&mut self, name: String, problem: String) {
        self.bad.push(BadField { name: excerpt(name.as_bytes()), problem });
    }
}

/// Some of them no reader of documents takes, and none of them is wanted in a terminal.
fn has_control_characters(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(|c: char| c.is_control() && c != '\t' && c != '\n'),
        Value::Array(values) => values.iter().any(has_control_characters),
        Value::Object(members) => {
            members.iter().any(|(key, value)| has_any_control(key) || has_control_characters(value))
        }
        _ => false,
    }
}

fn has_any_control(name: &str) -> bool {
    name.contains(char::is_control)
}

fn not_an_object(value: &Value) -> String {
    format!("is no object: `{}`", excerpt(value.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use nodedev_types::fields::pci;
    use serde_json::json;

    use super::*;

    fn read_json(value: Value) -> (Fields, Vec<String>) {
        let may = FieldSet::new()
            .with(device::CAPABILITY)
            .with(device::DRIVER)
            .with(pci::CLASS)
            .with(pci::VENDOR_ID)
            .with_namespace("acme");
        let Value::Object(object) = value else { panic!("an object") };
        let (fields, bad) = read(object, &may);
        (fields, bad.into_iter().map(|bad| format!("{}: {}", bad.name, bad.problem)).collect())
    }

    #[test]
    fn fields_have_their_place_in_the_objects() {
        let (fields, bad) = read_json(json!({
            "capability": "pci", "driver": "acme",
            "pci": { "class": 3, "vendor": { "id": 7 } },
            "extensions": { "acme": { "slot": 1, "tags": ["a", "b"], "on": true } },
        }));
        assert_eq!(bad, [""; 0]);
        assert_eq!((fields.get(pci::CLASS), fields.get(pci::VENDOR_ID)), (Some(3), Some(7)));
        assert!(fields.value(&FieldName::extension("acme", "tags")).is_some());
        assert_eq!(fields.len(), 7);
    }

    #[test]
    fn a_bad_field_costs_itself() {
        let (fields, bad) = read_json(json!({
            "driver": 7, "capability": "mdev", "colour": "red", "pci": { "class": 3, "x": 1 },
            "subsystem": "a", "net": "eth0",
            "extensions": {
                "acme": { "slot": null, "good": "yes\n", "esc": ["a", "\u{1b}[31m"],
                    "r\u{1b}ed": 1, "two\nlines": "a" },
                "other": { "a": 1 }, "x": 1,
            },
        }));
        assert_eq!(fields.len(), 2, "{fields:?}");
        assert_eq!(fields.get(pci::CLASS), Some(3));
        let bad = bad.join("\n");
        for expected in [
            "driver: invalid type: integer `7`, expected a string: `7`",
            "colour: there is no such field",
            "net: there is no such field",
            "pci.x: there is no such field",
            "subsystem: is not this source's to say",
            "other:a: is not this source's to say",
            "extensions.x: is no object: `1`",
            "acme:slot: a field outside the known model is a flag, a number, a text or texts: `null`",
            "acme:esc: has control characters: `[\"a\",\"\\u001b[31m\"]`",
            ":r\\u{1b}ed: has control characters in its name",
            ":two\\nlines: has control characters in its name",
            "capability: no device of a program is an mdev",
        ] {
            assert!(bad.contains(expected), "{expected}\n{bad}");
        }
    }

    #[test]
    fn keys_of_objects_are_looked_at_too() {
        assert!(has_control_characters(&json!([{ "a": [{ "r\u{1b}ed": 1 }] }])));
        assert!(!has_control_characters(&json!([{ "a": [{ "red": "b\n" }] }])));
    }
}
