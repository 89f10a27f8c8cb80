//! Sets of field names: what a source says it owns.

use alloc::collections::BTreeSet;

use crate::{Field, FieldName, Fields, Key};

/// A set of field names, plus whole name spaces of extensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    known: BTreeSet<Field>,
    namespaces: BTreeSet<alloc::string::String>,
}

impl FieldSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: BTreeSet::new(), namespaces: BTreeSet::new() }
    }

    /// Adds a field.
    #[must_use]
    pub fn with<T>(mut self, key: Key<T>) -> Self {
        self.known.insert(key.field());
        self
    }

    /// Adds fields.
    #[must_use]
    pub fn with_fields(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.known.extend(fields);
        self
    }

    /// Adds every extension field of a name space.
    #[must_use]
    pub fn with_namespace(mut self, namespace: &str) -> Self {
        self.namespaces.insert(namespace.into());
        self
    }

    /// Whether the set holds the field.
    #[must_use]
    pub fn contains(&self, name: &FieldName) -> bool {
        match name {
            FieldName::Known(field) => self.known.contains(field),
            FieldName::Extension(extension) => self.namespaces.contains(&*extension.namespace),
        }
    }

    /// The fields of the known model in the set.
    pub fn known(&self) -> impl Iterator<Item = Field> {
        self.known.iter().copied()
    }

    /// The name spaces in the set.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(alloc::string::String::as_str)
    }

    /// The first field that is said but not in the set.
    #[must_use]
    pub fn first_outside<'a>(&self, fields: &'a Fields) -> Option<&'a FieldName> {
        fields.iter().map(|(name, _)| name).find(|name| !self.contains(name))
    }
}
