//! What a source declares of itself.

use nodedev_types::{Capability, SourceId, StreamInfo};

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
