//! What one source says of one device.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{DeviceId, Fields};

/// Who says something: `udev`, `mdevctl/defined`, `mdevctl/active`, or a third party's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(Arc<str>);

impl SourceId {
    /// What the kernel and udevd say.
    pub const UDEV: &'static str = "udev";
    /// The definitions that mdevctl keeps.
    pub const MDEVCTL_DEFINED: &'static str = "mdevctl/defined";
    /// The running mediated devices as mdevctl describes them.
    pub const MDEVCTL_ACTIVE: &'static str = "mdevctl/active";

    /// A source identity from its text.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for SourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SourceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

/// When a source began to read, on the source's own counter.
///
/// Of two messages of one source about one device the one with the higher revision is the newer,
/// whichever arrives first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All that one source knows of one device at one moment: never a delta.
///
/// What an observation does not say, its source no longer claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Who says it.
    pub source: SourceId,
    /// Of which device.
    pub device: DeviceId,
    /// When the source began to read.
    pub revision: Revision,
    /// What it says.
    pub fields: Fields,
}
