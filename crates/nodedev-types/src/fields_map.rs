//! The fields of one device, as one source says them or as merged.

use alloc::vec::Vec;
use core::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::ExtensionValue;
use crate::{FieldName, FieldValue, Key, Value};

/// Fields with their values, in the order of the field table; extensions follow.
///
/// A field that is not there is absent, which is not the same as empty.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fields(Vec<(FieldName, Value)>);

impl Fields {
    /// No field at all.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of a field, if it is there.
    #[must_use]
    pub fn get<T: FieldValue>(&self, key: Key<T>) -> Option<T::Ref<'_>> {
        self.value(&key.field().into()).and_then(T::from_value)
    }

    /// Sets a field.
    pub fn set<T: FieldValue>(&mut self, key: Key<T>, value: impl IntoFieldValue<T>) {
        self.insert(key.field().into(), value.into());
    }

    /// Sets a field where there is a value; makes it absent where there is none.
    pub fn set_opt<T: FieldValue>(&mut self, key: Key<T>, value: Option<impl IntoFieldValue<T>>) {
        match value {
            Some(value) => self.set(key, value),
            None => {
                self.remove(&key.field().into());
            }
        }
    }

    /// The value of a field by name.
    #[must_use]
    pub fn value(&self, name: &FieldName) -> Option<&Value> {
        self.position(name).ok().map(|at| &self.0[at].1)
    }

    /// Sets a field by name.
    ///
    /// For a field of the known model the value should be of the field's type: the typed
    /// [`Fields::get`] treats any other as absent.
    pub fn insert(&mut self, name: FieldName, value: Value) {
        match self.position(&name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// Makes a field absent and returns its value.
    pub fn remove(&mut self, name: &FieldName) -> Option<Value> {
        self.position(name).ok().map(|at| self.0.remove(at).1)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&FieldName, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// How many fields there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, name: &FieldName) -> Result<usize, usize> {
        self.0.binary_search_by(|(at, _)| at.cmp(name))
    }
}

/// What can be given for a field of type `T`: the type itself, and `&str` for texts.
pub trait IntoFieldValue<T>: Into<Value> {}

impl<T: FieldValue + Into<Value>> IntoFieldValue<T> for T {}
impl IntoFieldValue<alloc::string::String> for &str {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(FieldName, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (FieldName, Value)>>(iter: I) -> Self {
        let mut fields = Self::new();
        fields.extend(iter);
        fields
    }
}

impl Extend<(FieldName, Value)> for Fields {
    fn extend<I: IntoIterator<Item = (FieldName, Value)>>(&mut self, iter: I) {
        for (name, value) in iter {
            self.insert(name, value);
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of field names to values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::new();
                while let Some(name) = map.next_key::<FieldName>()? {
                    if fields.value(&name).is_some() {
                        return Err(A::Error::custom(alloc::format!("field `{name}` twice")));
                    }
                    let value = match &name {
                        FieldName::Known(field) => map.next_value_seed(field.kind())?,
                        FieldName::Extension { .. } => map.next_value::<ExtensionValue>()?.0,
                    };
                    fields.insert(name, value);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::fields::{mdev, net, pci};
    use crate::{Field, MdevAttribute};

    #[test]
    fn absent_and_empty_are_distinct() {
        let mut fields = Fields::new();
        assert_eq!(fields.get(net::ADDRESS), None);
        fields.set(net::ADDRESS, "");
        assert_eq!(fields.get(net::ADDRESS), Some(""));
        fields.set_opt(net::ADDRESS, None::<String>);
        assert_eq!(fields.get(net::ADDRESS), None);
    }

    #[test]
    fn json_carries_every_type_back() {
        let mut fields = Fields::new();
        fields.set(pci::CLASS, 0x0002_0000_u64);
        fields.set(pci::ADDRESS, "0000:00:1f.2".parse::<crate::PciAddress>().unwrap());
        fields.set(
            mdev::ATTRIBUTES,
            alloc::vec![MdevAttribute { name: "a".into(), value: String::new() }],
        );
        fields.insert(FieldName::extension("acme", "slot"), Value::Number(7));
        let json = serde_json::to_string(&fields).unwrap();
        assert_eq!(
            json,
            r#"{"pci.class":131072,"pci.address":"0000:00:1f.2","mdev.attributes":[{"name":"a","value":""}],"acme:slot":7}"#
        );
        assert_eq!(serde_json::from_str::<Fields>(&json).unwrap(), fields);
    }

    #[test]
    fn json_with_an_unknown_field_or_a_wrong_type_says_which() {
        let unknown = serde_json::from_str::<Fields>(r#"{"pci.colour":1}"#).unwrap_err();
        assert!(unknown.to_string().contains("pci.colour"), "{unknown}");
        assert!(serde_json::from_str::<Fields>(r#"{"pci.class":"red"}"#).is_err());
        assert!(serde_json::from_str::<Fields>(r#"{"pci.class":1,"pci.class":1}"#).is_err());
    }

    #[test]
    fn a_value_of_the_wrong_type_reads_as_absent() {
        let mut fields = Fields::new();
        fields.insert(Field::PciClass.into(), Value::Flag(true));
        assert_eq!(fields.get(pci::CLASS), None);
    }
}
