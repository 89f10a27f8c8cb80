//! How each source fares, for operators.

use std::time::SystemTime;

use nodedev_types::{Diagnostic, Presence, SourceId};
use serde::{Serialize, Serializer};

/// Where a source stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceState {
    /// It is being armed or read for the first time.
    Starting,
    /// It is watched, and its last snapshot was complete.
    Running,
    /// Something of it failed: what it said last stays, marked stale, and it is tried again.
    Degraded(String),
}

/// One stream of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamStatus {
    /// Who speaks in it.
    pub id: SourceId,
    /// What its speaking asserts: `active`, `defined` or `nothing`.
    #[serde(serialize_with = "presence_text")]
    pub presence: Presence,
    /// Of how many devices it speaks.
    pub devices: usize,
    /// How many of these are marked stale.
    pub stale: usize,
    /// Why its last listing failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Version of its code.
    pub version: String,
    /// What it speaks to: `mdevctl 1.4.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: SourceState,
    /// Its streams.
    pub streams: Vec<StreamStatus>,
    /// When something that it said last changed the list, in seconds since 1970.
    #[serde(serialize_with = "unix_time")]
    pub last_change: Option<SystemTime>,
    /// Messages that it sent.
    pub events: u64,
    /// Snapshots taken because events may have been lost.
    pub resyncs: u64,
    /// How often it was started again after a failure.
    pub restarts: u64,
    /// What it could not use.
    pub diagnostics: Vec<Diagnostic>,
}

fn presence_text<S: Serializer>(presence: &Presence, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(presence)
}

pub(crate) fn unix_time<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    match since {
        Some(since) => serializer.serialize_some(&since.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}
