//! What the state keeps of each source besides its claims.

use std::collections::BTreeMap;
use std::time::SystemTime;

use nodedev_source::{Hint, HintSender, SourceInfo};
use nodedev_types::{Capability, DeviceId, Diagnostic, Fields, Presence, SourceId, fields};

use super::SourceIndex;
use crate::claims::Claims;
use crate::status::{SourceState, SourceStatus, StreamStatus};

#[derive(Debug)]
pub(super) struct Source {
    pub(super) info: SourceInfo,
    pub(super) hints: HintSender,
    pub(super) state: SourceState,
    pub(super) backend: Option<String>,
    /// Why the last listing of a stream failed.
    pub(super) failures: BTreeMap<SourceId, String>,
    diagnostics: BTreeMap<String, Vec<Diagnostic>>,
    pub(super) last_change: Option<SystemTime>,
    pub(super) events: u64,
    pub(super) resyncs: u64,
    pub(super) restarts: u64,
    /// A snapshot is being taken.
    pub(super) is_reading: bool,
    /// The last snapshot came to its end.
    pub(super) is_readable: bool,
    /// There has been a snapshot: another one may hide what happened in between.
    pub(super) has_been_read: bool,
    pub(super) passed: bool,
    /// The newest hint that a snapshot has answered.
    pub(super) answered: Hint,
}

impl Source {
    pub(super) fn new(info: SourceInfo, hints: HintSender) -> Self {
        Self {
            info,
            hints,
            state: SourceState::Starting,
            backend: None,
            failures: BTreeMap::new(),
            diagnostics: BTreeMap::new(),
            last_change: None,
            events: 0,
            resyncs: 0,
            restarts: 0,
            is_reading: false,
            is_readable: false,
            has_been_read: false,
            passed: false,
            answered: Hint::default(),
        }
    }

    /// The streams that describe what others assert to exist.
    pub(super) fn live_streams(&self) -> impl Iterator<Item = &SourceId> {
        self.info
            .streams
            .iter()
            .filter(|stream| stream.presence == Presence::Nothing)
            .map(|stream| &stream.id)
    }

    /// Whether others' news of these capabilities concerns this source.
    pub(super) fn cares_for(&self, own: SourceIndex, news: &[(SourceIndex, Capability)]) -> bool {
        news.iter()
            .any(|(from, capability)| *from != own && self.info.interests.contains(capability))
    }

    /// Whether this source can be expected to describe what is running.
    pub(super) fn can_answer(&self) -> bool {
        self.is_readable && !self.live_streams().any(|s| self.failures.contains_key(s))
    }

    /// The newest hint that was answered, while the source can be read. A stream that fails has been
    /// tried: nothing more is to be had of it.
    pub(super) fn answer(&self) -> Option<Hint> {
        self.is_readable.then_some(self.answered)
    }

    /// Keeps a diagnostic, unless there are `limit` of them.
    pub(super) fn note(&mut self, diagnostic: Diagnostic, limit: usize) {
        tracing::debug!(source = %self.info.name, %diagnostic);
        let count: usize = self.diagnostics.values().map(Vec::len).sum();
        let of_subject = self.diagnostics.get(&diagnostic.subject);
        if count >= limit || of_subject.is_some_and(|all| all.contains(&diagnostic)) {
            return;
        }
        let all = self.diagnostics.entry(diagnostic.subject.clone());
        all.or_default().push(diagnostic);
    }

    /// A device that has been read again is no longer what its old diagnostics say, be it by its id
    /// or by the path where it lies.
    pub(super) fn forget_diagnostics(&mut self, device: &DeviceId, fields: Option<&Fields>) {
        if self.diagnostics.is_empty() {
            return;
        }
        self.diagnostics.remove(&device.to_string());
        if let Some(path) = fields.and_then(|fields| fields.get(fields::device::PATH)) {
            self.diagnostics.remove(path);
        }
    }

    /// What a new snapshot replaces.
    pub(super) fn forget_reading(&mut self) {
        self.diagnostics.clear();
        self.failures.clear();
    }

    pub(super) fn status(&self, claims: &Claims) -> SourceStatus {
        let stream = |stream: &nodedev_source::StreamInfo| {
            let devices = claims.devices_of(&stream.id);
            StreamStatus {
                id: stream.id.clone(),
                presence: stream.presence,
                devices: devices.len(),
                stale: claims.stale_of(&stream.id),
                failure: self.failures.get(&stream.id).cloned(),
            }
        };
        SourceStatus {
            name: self.info.name.clone(),
            version: self.info.version.clone(),
            backend: self.backend.clone(),
            state: self.state.clone(),
            streams: self.info.streams.iter().map(stream).collect(),
            last_change: self.last_change,
            events: self.events,
            resyncs: self.resyncs,
            restarts: self.restarts,
            diagnostics: self.diagnostics.values().flatten().cloned().collect(),
        }
    }
}
