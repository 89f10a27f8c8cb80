//! What one stream of observations asserts and may say.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{FieldSet, SourceId};

/// What it means for a device's existence that a stream speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Presence {
    /// The device exists now: it is active.
    Active,
    /// There is a definition of the device: it is persistent.
    Defined,
    /// Nothing: what is said counts only if someone else asserts that the device exists.
    Nothing,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Defined => "defined",
            Self::Nothing => "nothing",
        })
    }
}

/// One stream of observations: a source has at least one, and each can fail alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Who speaks in this stream's observations.
    pub id: SourceId,
    /// What its speaking of a device asserts.
    pub presence: Presence,
    /// The fields that it may say. Any other field of an observation is left out, with a diagnostic.
    pub fields: FieldSet,
    /// Name space of the devices that it alone knows, for a third-party source.
    pub namespace: Option<String>,
}

impl StreamInfo {
    /// A stream that may say these fields.
    #[must_use]
    pub fn new(id: &str, presence: Presence, fields: FieldSet) -> Self {
        Self { id: SourceId::new(id), presence, fields, namespace: None }
    }

    /// The same, owning the devices of a name space and the extension fields of that name.
    #[must_use]
    pub fn with_namespace(mut self, namespace: &str) -> Self {
        self.fields = self.fields.with_namespace(namespace);
        self.namespace = Some(namespace.to_owned());
        self
    }
}
