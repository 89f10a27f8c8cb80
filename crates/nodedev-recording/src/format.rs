//! The lines of a recording: values only, and how they become what a source says.

use nodedev_source::{ErrorKind, SourceError, SourceEvent};
use nodedev_types::{DeviceId, Diagnostic, Fields, Observation, Revision, SourceId};
use serde::{Deserialize, Serialize};

/// One line behind the header: when, who, what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds since the recording began, by a clock that never goes back.
    pub at: u64,
    /// Name of the source; empty for what none of them said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// What.
    #[serde(flatten)]
    pub message: Message,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message {
    /// The source is asked to watch from now on.
    Watching,
    /// All that a stream now knows of a device.
    Observed(Word),
    /// A stream no longer knows a device.
    Gone(Gone),
    /// A device exists and could not be read.
    Unreadable(Unreadable),
    /// Messages that count at once.
    Batch {
        /// The messages.
        messages: Vec<Self>,
    },
    /// The source asks to be read again.
    Resync {
        /// Why.
        reason: String,
    },
    /// Something for the operator.
    Diagnostic {
        /// What.
        diagnostic: Diagnostic,
    },
    /// A device of the listing that the next [`Message::Snapshot`] of the source completes.
    Listed(Word),
    /// The source has been read: the devices have been listed before.
    Snapshot {
        /// How each stream's listing ended.
        listings: Vec<ListingEnd>,
        /// What could not be used.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        diagnostics: Vec<Diagnostic>,
        /// What the source speaks to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        backend: Option<String>,
    },
    /// A call of the source failed.
    Failed {
        /// Which.
        call: Call,
        /// Why.
        error: Failure,
    },
    /// The source ended its watch by itself.
    Stopped,
    /// A device was read again for its document.
    Refreshed {
        /// Which.
        device: DeviceId,
        /// With what result.
        answer: Answer,
    },
    /// Nothing was recorded after this.
    End {
        /// Why not.
        reason: String,
    },
}

/// What a stream says of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Who says it.
    pub stream: SourceId,
    /// Of which device.
    pub device: DeviceId,
    /// When the source began to read, on its own count.
    pub revision: Revision,
    /// What, in the form of `docs/json.md`.
    #[serde(default)]
    pub fields: Fields,
}

/// That a stream no longer knows a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Which stream.
    pub stream: SourceId,
    /// Which device.
    pub device: DeviceId,
    /// When the source learnt it.
    pub revision: Revision,
}

/// That a device could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// Which stream.
    pub stream: SourceId,
    /// Which device.
    pub device: DeviceId,
    /// When the source began to read.
    pub revision: Revision,
    /// What kept it from being read.
    pub diagnostic: Diagnostic,
}

/// How one stream's listing ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingEnd {
    /// Which stream.
    pub stream: SourceId,
    /// When the reading began.
    pub revision: Revision,
    /// How many devices were listed: with fewer lines before this one, some are lost.
    #[serde(default)]
    pub devices: usize,
    /// Devices that exist and could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<DeviceId>,
    /// Why there is no listing, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// A call of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// To arm it.
    Watch,
    /// To read all of it.
    Snapshot,
}

/// What reading a device again brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// There is nothing to be read again.
    Nothing,
    /// What there is now.
    Said(Word),
    /// It failed.
    Failed(Failure),
}

/// An error of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Of which kind: [`ErrorKind`] in lower case, with `_`.
    pub kind: String,
    /// In words, with what lies behind it.
    pub message: String,
}

const KINDS: &[(ErrorKind, &str)] = &[
    (ErrorKind::Unavailable, "unavailable"),
    (ErrorKind::PermissionDenied, "permission_denied"),
    (ErrorKind::Timeout, "timeout"),
    (ErrorKind::Malformed, "malformed"),
    (ErrorKind::Failed, "failed"),
    (ErrorKind::Gone, "gone"),
    (ErrorKind::Busy, "busy"),
    (ErrorKind::Unsupported, "unsupported"),
    (ErrorKind::InvalidArgument, "invalid_argument"),
    (ErrorKind::Bug, "bug"),
];

impl From<&SourceError> for Failure {
    fn from(error: &SourceError) -> Self {
        let known = KINDS.iter().find(|(kind, _)| *kind == error.kind());
        let kind = known.map_or("failed", |(_, name)| name).to_owned();
        Self { kind, message: error.full_message() }
    }
}

impl From<&Failure> for SourceError {
    fn from(failure: &Failure) -> Self {
        let known = KINDS.iter().find(|(_, name)| *name == failure.kind);
        Self::new(known.map_or(ErrorKind::Failed, |(kind, _)| *kind), &*failure.message)
    }
}

impl From<&Observation> for Word {
    fn from(observation: &Observation) -> Self {
        Self {
            stream: observation.source.clone(),
            device: observation.device.clone(),
            revision: observation.revision,
            fields: observation.fields.clone(),
        }
    }
}

impl From<&Word> for Observation {
    fn from(word: &Word) -> Self {
        Self {
            source: word.stream.clone(),
            device: word.device.clone(),
            revision: word.revision,
            fields: word.fields.clone(),
        }
    }
}

impl Message {
    /// What stands for an event; `None` for a kind that this version does not know.
    pub(crate) fn of_event(event: &SourceEvent) -> Option<Self> {
        Some(match event {
            SourceEvent::Observed(observation) => Self::Observed(observation.into()),
            SourceEvent::Gone { source, device, revision } => Self::Gone(Gone {
                stream: source.clone(),
                device: device.clone(),
                revision: *revision,
            }),
            SourceEvent::Unreadable { source, device, revision, diagnostic } => {
                Self::Unreadable(Unreadable {
                    stream: source.clone(),
                    device: device.clone(),
                    revision: *revision,
                    diagnostic: diagnostic.clone(),
                })
            }
            SourceEvent::Batch(events) => {
                Self::Batch { messages: events.iter().filter_map(Self::of_event).collect() }
            }
            SourceEvent::Resync { reason } => Self::Resync { reason: reason.clone() },
            SourceEvent::Diagnostic(diagnostic) => {
                Self::Diagnostic { diagnostic: diagnostic.clone() }
            }
            _ => return None,
        })
    }

    /// The event that it stands for, if it stands for one.
    pub(crate) fn event(&self) -> Option<SourceEvent> {
        Some(match self {
            Self::Observed(word) => SourceEvent::Observed(word.into()),
            Self::Gone(Gone { stream, device, revision }) => SourceEvent::Gone {
                source: stream.clone(),
                device: device.clone(),
                revision: *revision,
            },
            Self::Unreadable(Unreadable { stream, device, revision, diagnostic }) => {
                SourceEvent::Unreadable {
                    source: stream.clone(),
                    device: device.clone(),
                    revision: *revision,
                    diagnostic: diagnostic.clone(),
                }
            }
            Self::Batch { messages } => {
                SourceEvent::Batch(messages.iter().filter_map(Self::event).collect())
            }
            Self::Resync { reason } => SourceEvent::Resync { reason: reason.clone() },
            Self::Diagnostic { diagnostic } => SourceEvent::Diagnostic(diagnostic.clone()),
            _ => return None,
        })
    }
}
