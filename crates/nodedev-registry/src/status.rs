//! How each source fares, for operators.

use std::collections::BTreeMap;
use std::time::SystemTime;

use nodedev_source::Counter;
use nodedev_types::{Diagnostic, Presence, SourceId};
use serde::{Serialize, Serializer};

use crate::durations::Durations;

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

/// Since when, and why, what a source has said may be out of date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// When the first evidence came that has not been answered yet, in seconds since 1970.
    #[serde(serialize_with = "some_unix_time")]
    pub since: SystemTime,
    /// The latest evidence.
    pub reason: String,
}

/// A number that the source keeps itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceCount {
    /// What it is called.
    pub name: &'static str,
    /// What it counts.
    pub about: &'static str,
    /// Whether it may shrink.
    pub is_level: bool,
    /// The number.
    pub value: u64,
}

impl From<&Counter> for SourceCount {
    fn from(counter: &Counter) -> Self {
        Self {
            name: counter.name(),
            about: counter.about(),
            is_level: counter.is_level(),
            value: counter.value(),
        }
    }
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
    /// Since when it waits to be read again, because something that it said may have been lost or be
    /// out of date; `None` as soon as a listing has healed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<Stale>,
    /// Its streams.
    pub streams: Vec<StreamStatus>,
    /// When something that it said last changed the list, in seconds since 1970.
    #[serde(serialize_with = "unix_time")]
    pub last_change: Option<SystemTime>,
    /// Messages that it sent.
    pub events: u64,
    /// Messages that were dropped because its queue was full.
    pub dropped: u64,
    /// Snapshots taken because events may have been lost.
    pub resyncs: u64,
    /// Requests to be read again for which no snapshot was taken because one was asked for already.
    pub coalesced: u64,
    /// Hints that told it to look again when another one had told it since its last snapshot began.
    pub coalesced_hints: u64,
    /// How often each reason was given to read it again.
    pub reasons: BTreeMap<String, u64>,
    /// Snapshots that came to their end.
    pub snapshots: u64,
    /// How long these took.
    #[serde(skip)]
    pub snapshot_durations: Durations,
    /// How often it failed, so that it had to be started again.
    pub failures: u64,
    /// How often it was started again after a failure.
    pub restarts: u64,
    /// How often the list was compared with the host.
    pub checks: u64,
    /// Devices in which they differed without an event on its way: faults of ours, healed since.
    pub drifts: u64,
    /// What the source counts itself: filled by [`Registry::sources`](crate::Registry::sources), empty in
    /// a [`Snapshot`](crate::Snapshot), which never changes.
    pub counts: Vec<SourceCount>,
    /// What it could not use.
    pub diagnostics: Vec<Diagnostic>,
}

fn presence_text<S: Serializer>(presence: &Presence, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(presence)
}

fn some_unix_time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    unix_time(&Some(*time), serializer)
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
