//! The first line of a recording: what it is, and what the sources declare of themselves.

use nodedev_source::{Presence, SourceInfo, StreamInfo};
use nodedev_types::{Capability, FieldName, FieldSet, SourceId};
use serde::{Deserialize, Serialize};

/// What a recording calls itself.
pub const FORMAT: &str = "nodedev-recording";

/// Version of the format. Within a version members and kinds of messages are only added.
pub const VERSION: u32 = 1;

/// How many sources a recording may have.
pub const SOURCES: usize = 256;

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`] of the program that wrote it.
    pub version: u32,
    /// Name and version of that program.
    #[serde(default)]
    pub program: String,
    /// Name, release and architecture of the kernel, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// When the recording began, in seconds since 1970. Everything else counts from there.
    #[serde(default)]
    pub began: f64,
    /// Whether serial numbers and addresses were replaced.
    #[serde(default)]
    pub scrubbed: bool,
    /// The sources, in their order.
    pub sources: Vec<RecordedSource>,
}

/// What a source declares of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSource {
    /// Its name.
    pub name: String,
    /// Version of its code.
    #[serde(default)]
    pub version: String,
    /// Its streams.
    pub streams: Vec<RecordedStream>,
    /// Capabilities of others' devices whose changes make it look again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interests: Vec<String>,
}

/// One stream of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedStream {
    /// Who speaks in it.
    pub id: SourceId,
    /// What its speaking asserts.
    pub presence: Presence,
    /// The fields of the known model that it may say.
    pub fields: Vec<String>,
    /// The name spaces whose fields it may say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// The name space of the devices that it alone knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl From<&SourceInfo> for RecordedSource {
    fn from(info: &SourceInfo) -> Self {
        Self {
            name: info.name.clone(),
            version: info.version.clone(),
            streams: info.streams.iter().map(RecordedStream::from).collect(),
            interests: info.interests.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&StreamInfo> for RecordedStream {
    fn from(stream: &StreamInfo) -> Self {
        Self {
            id: stream.id.clone(),
            presence: stream.presence,
            fields: stream.fields.known().map(|field| field.as_str().to_owned()).collect(),
            namespaces: stream.fields.namespaces().map(str::to_owned).collect(),
            namespace: stream.namespace.clone(),
        }
    }
}

impl RecordedSource {
    /// The declaration itself. Fields and capabilities that this version does not know are left out:
    /// nobody here could show them.
    #[must_use]
    pub fn info(&self) -> SourceInfo {
        let interests: Vec<Capability> =
            self.interests.iter().filter_map(|name| name.parse().ok()).collect();
        let info = SourceInfo::new(&self.name, &self.version).with_interests(&interests);
        self.streams.iter().fold(info, |info, stream| info.with_stream(stream.info()))
    }
}

impl RecordedStream {
    fn info(&self) -> StreamInfo {
        let known = self.fields.iter().filter_map(|name| match name.parse() {
            Ok(FieldName::Known(field)) => Some(field),
            _ => None,
        });
        let fields = FieldSet::new().with_fields(known);
        let fields = self.namespaces.iter().fold(fields, |set, space| set.with_namespace(space));
        let stream = StreamInfo::new(self.id.as_str(), self.presence, fields);
        match &self.namespace {
            Some(namespace) => stream.with_namespace(namespace),
            None => stream,
        }
    }
}

#[cfg(test)]
mod tests {
    use nodedev_types::fields::{device, net};

    use super::*;

    #[test]
    fn a_declaration_is_read_as_it_was_written() {
        let fields = FieldSet::new().with(net::ADDRESS).with(device::PATH).with_namespace("b");
        let stream = StreamInfo::new("a/x", Presence::Defined, fields).with_namespace("a");
        let info = SourceInfo::new("a", "1.2")
            .with_stream(stream)
            .with_interests(&[Capability::Mdev, Capability::Pci]);
        let mut recorded = RecordedSource::from(&info);
        assert_eq!(recorded.info(), info);
        recorded.interests.push("teleporter".to_owned());
        recorded.streams[0].fields.push("teleporter.range".to_owned());
        assert_eq!(recorded.info(), info, "of a later version");
    }
}
