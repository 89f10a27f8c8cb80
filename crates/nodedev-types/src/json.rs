//! The JSON of a device: one object, in which each field has its place by the parts of its name.
//!
//! `pci.product.id` is the member `id` of `product` of `pci`. Fields outside the known model are in
//! [`EXTENSIONS`], by their name space. Values are written as they are; nothing is looked up here.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fields::device;
use crate::value::ExtensionValue;
use crate::{Capability, Device, DeviceId, DeviceName, Field, FieldName, Fields, Value, ValueKind};

/// Version of the shape. Within a version members are only added.
pub const JSON_VERSION: u32 = 1;

/// Name of the member with the fields outside the known model, by name space.
pub const EXTENSIONS: &str = "extensions";

/// A device as it is written. Its first members are those of a line in a list.
#[derive(Serialize)]
struct Written<'a> {
    name: &'a DeviceName,
    id: &'a DeviceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: &'a Option<DeviceName>,
    active: bool,
    persistent: bool,
    autostart: bool,
    capabilities: Vec<Capability>,
    #[serde(flatten)]
    fields: Level<'a>,
}

/// A device as it is read.
#[derive(Deserialize)]
struct Read {
    name: DeviceName,
    id: DeviceId,
    #[serde(default)]
    parent: Option<DeviceName>,
    active: bool,
    persistent: bool,
    autostart: bool,
    /// They follow from the fields.
    #[serde(default, rename = "capabilities")]
    _capabilities: IgnoredAny,
    #[serde(flatten)]
    fields: Fields,
}

impl Serialize for Device {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The flag of the device says it already.
        let is_flag = |name: &FieldName| *name == device::AUTOSTART.field().into();
        let entries: Vec<_> = written(&self.fields).filter(|(name, _)| !is_flag(name)).collect();
        let written = Written {
            name: &self.name,
            id: &self.id,
            parent: &self.parent,
            active: self.active,
            persistent: self.persistent,
            autostart: self.autostart,
            capabilities: self.capabilities(),
            fields: Level { entries: &entries, depth: 0 },
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Device {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let Read { name, id, parent, active, persistent, autostart, fields, .. } = read;
        Ok(Self { name, id, parent, active, persistent, autostart, fields })
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries: Vec<_> = written(self).collect();
        Level { entries: &entries, depth: 0 }.serialize(serializer)
    }
}

type Entry<'a> = (&'a FieldName, &'a Value);

/// The fields that have a value of their type, as for whoever asks for a field by its key.
fn written(fields: &Fields) -> impl Iterator<Item = Entry<'_>> {
    fields.iter().filter(|(name, value)| match name {
        FieldName::Known(field) => value.kind() == field.kind(),
        FieldName::Extension(_) => !is_object(value.kind()),
    })
}

/// Whether values of that type are more than texts, numbers, flags and lists of them. A third
/// party's fields are not.
const fn is_object(kind: ValueKind) -> bool {
    matches!(
        kind,
        ValueKind::PciExpress
            | ValueKind::PciVpd
            | ValueKind::MdevTypes
            | ValueKind::Attributes
            | ValueKind::CcwgroupMembers
    )
}

/// Neighbouring fields whose names begin with the same parts, that many.
struct Level<'a> {
    entries: &'a [Entry<'a>],
    depth: usize,
}

impl Serialize for Level<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let is_same =
            |(a, _): &Entry<'_>, (b, _): &Entry<'_>| part(a, self.depth) == part(b, self.depth);
        for entries in self.entries.chunk_by(is_same) {
            let (name, value) = entries[0];
            let member = part(name, self.depth).unwrap_or_default();
            match part(name, self.depth + 1) {
                None => map.serialize_entry(member, value)?,
                Some(_) => {
                    map.serialize_entry(member, &Level { entries, depth: self.depth + 1 })?;
                }
            }
        }
        map.end()
    }
}

fn part(name: &FieldName, depth: usize) -> Option<&str> {
    match name {
        FieldName::Known(field) => field.as_str().split('.').nth(depth),
        FieldName::Extension(extension) => {
            [EXTENSIONS, &extension.namespace, &extension.name].get(depth).copied()
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Self::new();
        Members { fields: &mut fields, above: None }.deserialize(deserializer)?;
        Ok(fields)
    }
}

/// Reads the members of one object into the fields. One that is not known is from a later version
/// of this program and left out.
struct Members<'a> {
    fields: &'a mut Fields,
    /// Name of the object itself, unless it is the outermost.
    above: Option<String>,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with fields")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(member) = map.next_key::<String>()? {
            if self.above.is_none() && member == EXTENSIONS {
                self.extensions(map.next_value()?);
                continue;
            }
            match self.place_of(&member) {
                Place::Field(field) => self.field(field, &mut map)?,
                Place::Object(above) => {
                    map.next_value_seed(Members { fields: self.fields, above: Some(above) })?;
                }
                Place::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

enum Place {
    Field(Field),
    Object(String),
    Unknown,
}

impl Members<'_> {
    fn place_of(&self, member: &str) -> Place {
        if member.contains('.') {
            return Place::Unknown;
        }
        let name = match &self.above {
            Some(above) => format!("{above}.{member}"),
            None => String::from(member),
        };
        let is_below = |field: &Field| {
            field.as_str().strip_prefix(&*name).is_some_and(|rest| rest.starts_with('.'))
        };
        match name.parse() {
            Ok(field) => Place::Field(field),
            Err(_) if Field::ALL.iter().any(is_below) => Place::Object(name),
            Err(_) => Place::Unknown,
        }
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, field: Field, map: &mut A) -> Result<(), A::Error> {
        let value = map.next_value_seed(field.kind());
        let value = value.map_err(|error| A::Error::custom(format!("field `{field}`: {error}")))?;
        if self.fields.value(&field.into()).is_some() {
            return Err(A::Error::custom(format!("field `{field}` twice")));
        }
        self.fields.insert(field.into(), value);
        Ok(())
    }

    fn extensions(&mut self, spaces: BTreeMap<String, BTreeMap<String, ExtensionValue>>) {
        for (namespace, named) in spaces {
            for (name, ExtensionValue(value)) in named {
                self.fields.insert(FieldName::extension(&namespace, &name), value);
            }
        }
    }
}
