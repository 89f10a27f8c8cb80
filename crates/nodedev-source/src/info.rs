//! What a source declares of itself.

use nodedev_types::{Capability, FieldSet, SourceId};
use std::fmt;

/// What it means for a device's existence that a stream speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// The fields that it may say. An observation with any other field is refused.
    pub fields: FieldSet,
    /// Name space of the devices that it alone knows, for a third-party source.
    pub namespace: Option<String>,
}

impl StreamInfo {
    /// A stream that may say these fields.
    #[must_use]
    pub fn new(id: &str, presence: Presence, fields: FieldSet) -> Self {
        Self {
            id: SourceId::new(id),
            presence,
            fields,
            namespace: None,
        }
    }

    /// The same, owning the devices of a name space and the extension fields of that name.
    #[must_use]
    pub fn with_namespace(mut self, namespace: &str) -> Self {
        self.fields = self.fields.with_namespace(namespace);
        self.namespace = Some(namespace.to_owned());
        self
    }
}

/// What a source declares of itself, constant for its life.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceInfo {
    /// Name of the source, unique on a host: `udev`, `mdevctl`.
    pub name: String,
    /// Version of the source's code.
    pub version: String,
    /// Its streams.
    pub streams: Vec<StreamInfo>,
    /// Capabilities of *other* sources' devices whose changes make this source look again.
    pub interests: Vec<Capability>,
}

impl SourceInfo {
    /// A source without streams yet.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            streams: Vec::new(),
            interests: Vec::new(),
        }
    }

    /// The same with one more stream.
    #[must_use]
    pub fn with_stream(mut self, stream: StreamInfo) -> Self {
        self.streams.push(stream);
        self
    }

    /// The same, to be hinted at changes of devices with these capabilities.
    #[must_use]
    pub fn with_interests(mut self, interests: &[Capability]) -> Self {
        self.interests.extend_from_slice(interests);
        self
    }

    /// The stream of that id.
    #[must_use]
    pub fn stream(&self, id: &SourceId) -> Option<&StreamInfo> {
        self.streams.iter().find(|stream| stream.id == *id)
    }
}
