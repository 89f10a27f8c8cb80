//! The fields of one device, as one source says them or as merged.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use crate::{Field, FieldName, FieldValue, Key, Texts, Value};

/// Fields with their values, in the order of the field table; extensions follow.
///
/// A field that is not there is absent, which is not the same as empty. Clones share what they hold until one of
/// them is changed: a device's fields are the same in what a source said, in what was merged of it and in each list.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fields(Arc<Vec<(FieldName, Value)>>);

impl Fields {
    /// No field at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No field, and room for so many.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Vec::with_capacity(capacity)))
    }

    /// The value of a field, if it is there.
    #[must_use]
    pub fn get<T: FieldValue>(&self, key: Key<T>) -> Option<T::Ref<'_>> {
        self.known(key.field()).and_then(T::from_value)
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

    /// The value of a field of the known model, if it is there.
    #[must_use]
    pub fn known(&self, field: Field) -> Option<&Value> {
        let position = self.0.binary_search_by(|(at, _)| match at {
            FieldName::Known(at) => at.cmp(&field),
            FieldName::Extension(_) => Ordering::Greater,
        });
        position.ok().map(|at| &self.0[at].1)
    }

    /// Sets a field by name.
    ///
    /// For a field of the known model the value should be of the field's type: the typed
    /// [`Fields::get`] treats any other as absent.
    pub fn insert(&mut self, name: FieldName, value: Value) {
        // What makes fields of fields does it in their order.
        let is_last = self.0.last().is_none_or(|(last, _)| *last < name);
        let position = if is_last { Err(self.0.len()) } else { self.position(&name) };
        let fields = Arc::make_mut(&mut self.0);
        match position {
            Ok(at) => fields[at].1 = value,
            Err(at) => fields.insert(at, (name, value)),
        }
    }

    /// Makes a field absent and returns its value.
    pub fn remove(&mut self, name: &FieldName) -> Option<Value> {
        self.position(name).ok().map(|at| Arc::make_mut(&mut self.0).remove(at).1)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&FieldName, &Value)> + Clone {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives back the memory that was taken for further fields, unless clones share it.
    pub fn shrink_to_fit(&mut self) {
        if let Some(fields) = Arc::get_mut(&mut self.0) {
            fields.shrink_to_fit();
        }
    }

    fn position(&self, name: &FieldName) -> Result<usize, usize> {
        self.0.binary_search_by(|(at, _)| at.cmp(name))
    }
}

/// What can be given for a field of type `T`: the type itself, `&str` for a text, and shared texts for texts.
pub trait IntoFieldValue<T>: Into<Value> {}

impl<T: FieldValue + Into<Value>> IntoFieldValue<T> for T {}
impl IntoFieldValue<alloc::string::String> for &str {}
impl IntoFieldValue<Vec<alloc::string::String>> for Texts {}

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
    fn a_clone_that_is_changed_leaves_the_other_as_it_was() {
        let mut fields = Fields::new();
        fields.set(net::ADDRESS, "a");
        let mut clone = fields.clone();
        assert!(Arc::ptr_eq(&fields.0, &clone.0));
        clone.set(net::ADDRESS, "b");
        assert_eq!((fields.get(net::ADDRESS), clone.get(net::ADDRESS)), (Some("a"), Some("b")));
        let mut clone = fields.clone();
        clone.remove(&Field::NetAddress.into());
        assert_eq!((fields.len(), clone.len()), (1, 0));
    }

    #[test]
    fn a_value_of_the_wrong_type_reads_as_absent() {
        let mut fields = Fields::new();
        fields.insert(Field::PciClass.into(), Value::Flag(true));
        assert_eq!(fields.get(pci::CLASS), None);
    }
}
