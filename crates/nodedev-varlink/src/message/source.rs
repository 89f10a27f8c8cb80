//! How sources fare.

use nodedev_types::{Diagnostic, Presence, SourceId};
use serde::{Deserialize, Serialize};

/// What `Sources` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sources {
    /// Each source.
    pub sources: Vec<Source>,
    /// The registry that all of them speak to.
    pub registry: Registry,
}

/// What the registry has done in this run of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// The list that is published now.
    pub generation: u64,
    /// Devices in it.
    pub devices: usize,
    /// Messages of sources that were taken in.
    pub messages: u64,
    /// Messages that wait to be taken in.
    pub waiting: usize,
    /// Events that were told, by their kind.
    pub events: Vec<Count>,
    /// How often a follower was too slow and was told to read the list again.
    pub missed: u64,
}

/// A number, and what is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// What is counted.
    pub name: String,
    /// How many there are, or were.
    pub count: u64,
}

impl Count {
    /// So many of these.
    #[must_use]
    pub fn new(name: impl Into<String>, count: u64) -> Self {
        Self { name: name.into(), count }
    }
}

/// Since when, and why, what a source has said may be out of date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stale {
    /// When the first evidence came that has not been answered yet, in seconds since 1970.
    pub since: Option<f64>,
    /// The latest evidence.
    pub reason: String,
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
    /// Whether what it has said may be out of date; it is being read again then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Stale>,
    /// Its streams.
    pub streams: Vec<Stream>,
    /// When something that it said last changed the list, in seconds since 1970.
    pub last_change: Option<f64>,
    /// Messages that it sent.
    pub events: u64,
    /// Messages that were dropped because its queue was full.
    pub dropped: u64,
    /// Listings made because events may have been lost.
    pub resyncs: u64,
    /// How often each reason was given to make one.
    pub reasons: Vec<Count>,
    /// Listings that came to their end.
    pub snapshots: u64,
    /// How often it failed.
    pub failures: u64,
    /// How often it was started again after a failure.
    pub restarts: u64,
    /// How often the list was compared with the host.
    pub checks: u64,
    /// Devices in which they differed without an event on its way: faults of ours, healed since.
    pub drifts: u64,
    /// What the source counts itself.
    pub counts: Vec<Count>,
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
