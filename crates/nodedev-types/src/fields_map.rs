//! The fields of one device, as one source says them or as merged.

use alloc::vec::Vec;
use core::fmt;

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

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::Field;
    use crate::fields::{net, pci};

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
    fn a_value_of_the_wrong_type_reads_as_absent() {
        let mut fields = Fields::new();
        fields.insert(Field::PciClass.into(), Value::Flag(true));
        assert_eq!(fields.get(pci::CLASS), None);
    }
}
