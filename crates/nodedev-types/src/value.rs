//! Values of fields: a closed set of types, each field having one.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeSeed, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    Capability, CcwgroupMember, FieldName, MdevAttribute, MdevType, PciAddress, PciExpress, PciVpd,
    Texts,
};

/// The value of a field.
///
/// Absent is not a value: a field that has none is not in [`Fields`](crate::Fields). An empty text
/// is a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// An unsigned number. How it prints (hexadecimal, decimal) is the document's business.
    Number(u64),
    /// A text, possibly empty.
    Text(String),
    /// Texts in a meaningful order.
    Texts(Texts),
    /// A capability name.
    Capability(Capability),
    /// A PCI address.
    PciAddress(PciAddress),
    /// PCI addresses in a meaningful order.
    PciAddresses(Vec<PciAddress>),
    /// PCI Express and its link.
    PciExpress(Box<PciExpress>),
    /// Vital product data of a PCI function.
    PciVpd(Box<PciVpd>),
    /// Types of mediated devices, in the directory's own order.
    MdevTypes(Vec<MdevType>),
    /// Attributes of a mediated device, in order.
    Attributes(Vec<MdevAttribute>),
    /// Members of a group of channel devices, in the directory's own order.
    CcwgroupMembers(Vec<CcwgroupMember>),
}

/// The type of a [`Value`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// [`Value::Flag`]
    Flag,
    /// [`Value::Number`]
    Number,
    /// [`Value::Text`]
    Text,
    /// [`Value::Texts`]
    Texts,
    /// [`Value::Capability`]
    Capability,
    /// [`Value::PciAddress`]
    PciAddress,
    /// [`Value::PciAddresses`]
    PciAddresses,
    /// [`Value::PciExpress`]
    PciExpress,
    /// [`Value::PciVpd`]
    PciVpd,
    /// [`Value::MdevTypes`]
    MdevTypes,
    /// [`Value::Attributes`]
    Attributes,
    /// [`Value::CcwgroupMembers`]
    CcwgroupMembers,
}

impl ValueKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Flag,
        Self::Number,
        Self::Text,
        Self::Texts,
        Self::Capability,
        Self::PciAddress,
        Self::PciAddresses,
        Self::PciExpress,
        Self::PciVpd,
        Self::MdevTypes,
        Self::Attributes,
        Self::CcwgroupMembers,
    ];
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flag => "flag",
            Self::Number => "number",
            Self::Text => "text",
            Self::Texts => "texts",
            Self::Capability => "capability",
            Self::PciAddress => "PCI address",
            Self::PciAddresses => "PCI addresses",
            Self::PciExpress => "PCI Express",
            Self::PciVpd => "vital product data",
            Self::MdevTypes => "mdev types",
            Self::Attributes => "attributes",
            Self::CcwgroupMembers => "ccwgroup members",
        })
    }
}

impl Value {
    /// The type of this value.
    #[must_use]
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::Flag(_) => ValueKind::Flag,
            Self::Number(_) => ValueKind::Number,
            Self::Text(_) => ValueKind::Text,
            Self::Texts(_) => ValueKind::Texts,
            Self::Capability(_) => ValueKind::Capability,
            Self::PciAddress(_) => ValueKind::PciAddress,
            Self::PciAddresses(_) => ValueKind::PciAddresses,
            Self::PciExpress(_) => ValueKind::PciExpress,
            Self::PciVpd(_) => ValueKind::PciVpd,
            Self::MdevTypes(_) => ValueKind::MdevTypes,
            Self::Attributes(_) => ValueKind::Attributes,
            Self::CcwgroupMembers(_) => ValueKind::CcwgroupMembers,
        }
    }
}

/// For people: lists in brackets, texts bare.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) if text.is_empty() => f.write_str("\"\""),
            Self::Text(text) => f.write_str(text),
            Self::Texts(texts) => list(f, texts, |f, text| f.write_str(text)),
            Self::Capability(capability) => capability.fmt(f),
            Self::PciAddress(address) => address.fmt(f),
            Self::PciAddresses(addresses) => list(f, addresses, |f, address| address.fmt(f)),
            Self::PciExpress(express) => express.fmt(f),
            Self::PciVpd(vpd) => vpd.fmt(f),
            Self::MdevTypes(types) => {
                list(f, types, |f, t| write!(f, "{} ({} available)", t.id, t.available_instances))
            }
            Self::Attributes(attributes) => {
                list(f, attributes, |f, a| write!(f, "{}={}", a.name, a.value))
            }
            Self::CcwgroupMembers(members) => {
                list(f, members, |f, m| write!(f, "{}={}", m.reference, m.device))
            }
        }
    }
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    item: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("[")?;
    for (i, it) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        item(f, it)?;
    }
    f.write_str("]")
}

/// Reads a value of the given type: the type is the field's, never guessed from the input.
impl<'de> DeserializeSeed<'de> for ValueKind {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Ok(match self {
            Self::Flag => Value::Flag(bool::deserialize(deserializer)?),
            Self::Number => Value::Number(u64::deserialize(deserializer)?),
            Self::Text => Value::Text(String::deserialize(deserializer)?),
            Self::Texts => Value::Texts(Texts::deserialize(deserializer)?),
            Self::Capability => Value::Capability(Capability::deserialize(deserializer)?),
            Self::PciAddress => Value::PciAddress(PciAddress::deserialize(deserializer)?),
            Self::PciAddresses => Value::PciAddresses(Vec::deserialize(deserializer)?),
            Self::PciExpress => Value::PciExpress(Box::deserialize(deserializer)?),
            Self::PciVpd => Value::PciVpd(Box::deserialize(deserializer)?),
            Self::MdevTypes => Value::MdevTypes(Vec::deserialize(deserializer)?),
            Self::Attributes => Value::Attributes(Vec::deserialize(deserializer)?),
            Self::CcwgroupMembers => Value::CcwgroupMembers(Vec::deserialize(deserializer)?),
        })
    }
}

impl FieldName {
    /// Reads a value that this field can have: one of the known model by its type, any other as a
    /// flag, a number, a text or texts.
    ///
    /// # Errors
    ///
    /// When there is something else.
    pub fn read_value<'de, D: Deserializer<'de>>(
        &self,
        deserializer: D,
    ) -> Result<Value, D::Error> {
        match self {
            Self::Known(field) => field.kind().deserialize(deserializer),
            Self::Extension(_) => Ok(ExtensionValue::deserialize(deserializer)?.0),
        }
    }
}

/// The value of a field outside the known model: a flag, a number, a text or texts.
#[derive(Debug)]
pub(crate) struct ExtensionValue(pub(crate) Value);

impl<'de> Deserialize<'de> for ExtensionValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Flag(bool),
            Number(u64),
            Text(String),
            Texts(Texts),
        }
        let value = Any::deserialize(deserializer).map_err(|_| {
            D::Error::custom("a field outside the known model is a flag, a number, a text or texts")
        })?;
        Ok(Self(match value {
            Any::Flag(flag) => Value::Flag(flag),
            Any::Number(number) => Value::Number(number),
            Any::Text(text) => Value::Text(text),
            Any::Texts(texts) => Value::Texts(texts),
        }))
    }
}

mod sealed {
    /// Keeps the set of value types closed.
    #[expect(
        unnameable_types,
        reason = "a seal is public so that it can bound, private so that nobody implements it"
    )]
    pub trait Sealed {}
}

/// A Rust type that a field can have. Sealed: the set of types is closed.
pub trait FieldValue: sealed::Sealed + Sized {
    /// The matching type of [`Value`].
    const KIND: ValueKind;
    /// How the value is borrowed from a [`Fields`](crate::Fields).
    type Ref<'a>;
    /// Wraps the value.
    fn into_value(self) -> Value;
    /// Borrows the value, if it is of this type.
    fn from_value(value: &Value) -> Option<Self::Ref<'_>>;
}

macro_rules! field_value {
    ($type:ty, $variant:ident, $reference:ty, $borrow:expr) => {
        field_value!($type, $variant, $reference, $borrow, |value| value);
    };
    ($type:ty, $variant:ident, $reference:ty, $borrow:expr, $hold:expr) => {
        impl sealed::Sealed for $type {}
        impl FieldValue for $type {
            const KIND: ValueKind = ValueKind::$variant;
            type Ref<'a> = $reference;

            fn into_value(self) -> Value {
                Value::from(self)
            }

            fn from_value(value: &Value) -> Option<Self::Ref<'_>> {
                match value {
                    Value::$variant(inner) => Some($borrow(inner)),
                    _ => None,
                }
            }
        }
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let hold: fn($type) -> _ = $hold;
                Self::$variant(hold(value))
            }
        }
    };
}

field_value!(bool, Flag, bool, |v: &bool| *v);
field_value!(u64, Number, u64, |v: &u64| *v);
field_value!(String, Text, &'a str, String::as_str);
field_value!(Vec<String>, Texts, &'a [String], Texts::as_slice, Texts::from);
field_value!(Capability, Capability, Capability, |v: &Capability| *v);
field_value!(PciAddress, PciAddress, PciAddress, |v: &PciAddress| *v);
field_value!(Vec<PciAddress>, PciAddresses, &'a [PciAddress], Vec::as_slice);
// In a box, so that the seldom large values do not make all of them large.
field_value!(PciExpress, PciExpress, &'a PciExpress, Box::as_ref, Box::new);
field_value!(PciVpd, PciVpd, &'a PciVpd, Box::as_ref, Box::new);
field_value!(Vec<MdevType>, MdevTypes, &'a [MdevType], Vec::as_slice);
field_value!(Vec<MdevAttribute>, Attributes, &'a [MdevAttribute], Vec::as_slice);
field_value!(Vec<CcwgroupMember>, CcwgroupMembers, &'a [CcwgroupMember], Vec::as_slice);

impl From<Texts> for Value {
    fn from(texts: Texts) -> Self {
        Self::Texts(texts)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
