//! How sources fare.

use nodedev_types::{Diagnostic, Presence, SourceId};
use serde::{Deserialize, Serialize};

/// What `Sources` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sources {
    /// Each source.
    pub sources: Vec<Source>,
}

/// Where a source stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "reason", rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceState {
    /// It is being armed or read for the first time.
    Starting,
    /// It is watched, and its last listing was complete.
    Running,
    /// Something of it failed: what it said last stays, marked stale, and it is tried again.
    Degraded(String),
}

/// One source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Version of its code.
    pub version: String,
    /// What it speaks to: `mdevctl 1.4.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: SourceState,
    /// Its streams.
    pub streams: Vec<Stream>,
    /// When something that it said last changed the list, in seconds since 1970.
    pub last_change: Option<f64>,
    /// Messages that it sent.
    pub events: u64,
    /// Listings made because events may have been lost.
    pub resyncs: u64,
    /// How often it was started again after a failure.
    pub restarts: u64,
    /// What it could not use.
    pub diagnostics: Vec<Diagnostic>,
}

/// One stream of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Who speaks in it.
    pub id: SourceId,
    /// What its speaking of a device asserts.
    pub presence: Presence,
    /// Of how many devices it speaks.
    pub devices: usize,
    /// How many of these are marked stale.
    pub stale: usize,
    /// Why its last listing failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}
