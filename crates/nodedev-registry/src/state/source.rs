//! What the state keeps of each source besides its claims.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use nodedev_source::{Hint, HintSender, SourceInfo};
use nodedev_types::{
    Capability, DeviceId, Diagnostic, Fields, Presence, Revision, SourceId, fields,
};

use tokio::time::Instant;

use super::SourceIndex;
use super::busy::Busy;
use super::crowd::Crowd;
use super::log_book::LogBook;
use super::self_check::Suspects;
use crate::again::Again;
use crate::claims::Claims;
use crate::durations::Durations;
use crate::status::{SourceState, SourceStatus, Stale, StreamStatus};

/// How many reasons to read a source again are told apart; the others are counted together.
const REASONS: usize = 16;
const OTHER_REASONS: &str = "other reasons";

#[derive(Debug)]
pub(super) struct Source {
    pub(super) info: SourceInfo,
    hints: HintSender,
    /// A hint has been raised since its last reading began.
    is_hinted: bool,
    /// Has it read again.
    pub(super) again: Again,
    /// Departures have been forgotten since its last reading began.
    pub(super) forgets: bool,
    pub(super) crowd: Crowd,
    /// What the log is told of the crowd.
    crowded: Option<Diagnostic>,
    pub(super) state: SourceState,
    pub(super) backend: Option<String>,
    /// Why the last listing of a stream failed.
    pub(super) failures: BTreeMap<SourceId, String>,
    diagnostics: BTreeMap<String, Vec<Noted>>,
    /// What has been read again or has gone while a snapshot is being taken, and when: whatever that says of it is older.
    settled: BTreeMap<String, Revision>,
    /// They have changed since the log was told.
    to_review: bool,
    log_book: LogBook,
    busy: Busy,
    doubt: Option<Doubt>,
    pub(super) last_change: Option<SystemTime>,
    pub(super) events: u64,
    pub(super) dropped: u64,
    pub(super) resyncs: u64,
    pub(super) coalesced: u64,
    coalesced_hints: u64,
    reasons: BTreeMap<String, u64>,
    snapshots: u64,
    durations: Durations,
    pub(super) failures_counted: u64,
    pub(super) restarts: u64,
    pub(super) checks: u64,
    pub(super) drifts: u64,
    /// What the last comparison with the host that found drift says of it.
    pub(super) drift: Vec<Diagnostic>,
    /// Why the last comparison could not be made, if so.
    uncounted: Option<Diagnostic>,
    pub(super) suspects: Suspects,
    /// A snapshot is being taken since then.
    reading: Option<Instant>,
    /// The last snapshot came to its end.
    pub(super) is_readable: bool,
    /// There has been a snapshot: another one may hide what happened in between.
    pub(super) has_been_read: bool,
    pub(super) passed: bool,
    /// The newest hint that a snapshot has answered.
    pub(super) answered: Hint,
}

/// A diagnostic that is kept.
#[derive(Debug)]
struct Noted {
    diagnostic: Diagnostic,
    /// It came while a snapshot was being taken, which may not replace it.
    is_fresh: bool,
    /// When what it says was found, if that is known.
    revision: Option<Revision>,
}

impl Noted {
    /// Whether it may be newer than a snapshot of that revision, when its subject was settled then or never. In doubt what
    /// the snapshot lists as sound is sound: a source that found it otherwise meanwhile looks again and says so.
    fn outlives(
        &self,
        snapshot: Revision,
        settled: Option<Revision>,
        is_sound: impl Fn(&str) -> bool,
    ) -> bool {
        self.is_fresh
            && match self.revision.or(settled) {
                Some(revision) => revision > snapshot,
                None => !is_sound(&self.diagnostic.subject),
            }
    }
}

/// What it said may be out of date.
#[derive(Debug, Clone)]
struct Doubt {
    stale: Stale,
    /// The snapshot that is being taken began after the last evidence.
    is_being_answered: bool,
}

impl Source {
    pub(super) fn new(info: SourceInfo, hints: HintSender, again: Again) -> Self {
        Self {
            info,
            hints,
            is_hinted: false,
            again,
            forgets: false,
            crowd: Crowd::default(),
            crowded: None,
            state: SourceState::Starting,
            backend: None,
            failures: BTreeMap::new(),
            diagnostics: BTreeMap::new(),
            settled: BTreeMap::new(),
            to_review: false,
            log_book: LogBook::default(),
            busy: Busy::default(),
            doubt: None,
            last_change: None,
            events: 0,
            dropped: 0,
            resyncs: 0,
            coalesced: 0,
            coalesced_hints: 0,
            reasons: BTreeMap::new(),
            snapshots: 0,
            durations: Durations::new(),
            failures_counted: 0,
            restarts: 0,
            checks: 0,
            drifts: 0,
            drift: Vec::new(),
            uncounted: None,
            suspects: Suspects::new(),
            reading: None,
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

    /// Tells it to look again, and what answers that. Hints that come before its next reading are one.
    pub(super) fn raise_hint(&mut self) -> Hint {
        self.coalesced_hints += u64::from(std::mem::replace(&mut self.is_hinted, true));
        self.hints.raise()
    }

    /// There is evidence that something which it said is out of date.
    pub(super) fn doubt(&mut self, reason: &str) {
        self.count_reason(reason);
        self.mark_stale(reason);
    }

    fn count_reason(&mut self, reason: &str) {
        let known = self.reasons.contains_key(reason) || self.reasons.len() < REASONS;
        let reason = if known { reason } else { OTHER_REASONS };
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }

    pub(super) fn mark_stale(&mut self, reason: &str) {
        let since = self.doubt.take().map_or_else(SystemTime::now, |doubt| doubt.stale.since);
        let stale = Stale { since, reason: reason.to_owned() };
        self.doubt = Some(Doubt { stale, is_being_answered: false });
    }

    /// A snapshot is being taken from now on.
    pub(super) fn begin_reading(&mut self, now: Instant) {
        self.reading = Some(now);
        self.settled.clear();
        self.diagnostics.values_mut().flatten().for_each(|noted| noted.is_fresh = false);
        (self.is_hinted, self.forgets) = (false, false);
        if let Some(doubt) = &mut self.doubt {
            doubt.is_being_answered = true;
        }
    }

    /// The snapshot has come to its end. How long it took.
    pub(super) fn end_reading(&mut self, now: Instant) -> Duration {
        self.snapshots += 1;
        let Some(begun) = self.reading.take() else {
            return Duration::ZERO;
        };
        let took = now.saturating_duration_since(begun);
        self.durations.note(took);
        took
    }

    /// It has said something.
    pub(super) fn note_message(&mut self, now: Instant) {
        self.busy.message(&self.info.name, now);
    }

    /// It asks to be read again.
    pub(super) fn note_request(&mut self, reason: &str, now: Instant) {
        self.busy.request(&self.info.name, reason, now);
    }

    /// What has been read again is as fresh as can be, unless more evidence has come meanwhile or
    /// part of it could not be read.
    pub(super) fn settle_doubt(&mut self) {
        if self.failures.is_empty() {
            self.doubt.take_if(|doubt| doubt.is_being_answered);
        } else {
            let reasons: Vec<_> = self.failures.values().cloned().collect();
            self.mark_stale(&reasons.join("; "));
        }
    }

    /// The source has failed, and with it whatever it was reading.
    pub(super) fn stop_reading(&mut self) {
        self.reading = None;
        self.settled.clear();
        self.suspects.clear();
        self.crowd.end_reading();
    }

    pub(super) const fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Tells the log what is new in the diagnostics and what is over.
    pub(super) fn review(&mut self, now: Instant) {
        let due = self.log_book.due().is_some_and(|due| due <= now);
        if !std::mem::take(&mut self.to_review) && !due {
            return;
        }
        let current = diagnostics_of(&self.diagnostics).chain(&self.uncounted);
        let current = current.chain(&self.crowded);
        for line in self.log_book.review(current, now) {
            line.write(&self.info.name);
        }
    }

    /// When the log is to be told that something is over.
    pub(super) fn review_due(&self) -> Option<Instant> {
        self.log_book.due()
    }

    /// A comparison with the host could not be made for this reason, or has been made.
    pub(super) fn set_uncounted(&mut self, why: Option<Diagnostic>) {
        self.to_review |= self.uncounted != why;
        self.uncounted = why;
    }

    /// Some devices are left out now, or none any more.
    pub(super) fn note_crowd(&mut self, bound: usize) {
        if self.crowded.is_some() == self.crowd.is_empty() {
            self.crowded = self.crowd.line(&self.info.name, bound);
            self.to_review = true;
        }
    }

    /// Keeps a diagnostic of what was found at that revision, unless there are `limit` of them.
    pub(super) fn note(
        &mut self,
        diagnostic: Diagnostic,
        revision: Option<Revision>,
        limit: usize,
    ) {
        let is_fresh = self.is_reading();
        let mut of_subject = self.diagnostics.get_mut(&diagnostic.subject).into_iter().flatten();
        if let Some(known) = of_subject.find(|known| known.diagnostic == diagnostic) {
            known.is_fresh |= is_fresh;
            known.revision = revision.max(known.revision);
            return;
        }
        if self.diagnostics.values().map(Vec::len).sum::<usize>() >= limit {
            return;
        }
        self.to_review = true;
        let all = self.diagnostics.entry(diagnostic.subject.clone());
        all.or_default().push(Noted { diagnostic, is_fresh, revision });
    }

    /// A device that has been read again is no longer what its old diagnostics say, be it by its id
    /// or by the path where it lies. Of so many devices that is remembered until the snapshot that is being taken ends.
    pub(super) fn forget_diagnostics(
        &mut self,
        device: &DeviceId,
        fields: Option<&Fields>,
        revision: Revision,
        bound: usize,
    ) {
        let is_noted = self.is_reading() && self.settled.len() < bound;
        if self.diagnostics.is_empty() && !is_noted {
            return;
        }
        let path = fields.and_then(|fields| fields.get(fields::device::PATH));
        let subjects = [Some(device.to_string()), path.map(|path| path.to_owned())];
        for subject in subjects.into_iter().flatten() {
            self.to_review |= self.diagnostics.remove(&subject).is_some();
            if is_noted {
                self.settled.insert(subject, revision);
            }
        }
    }

    /// Drops what a new snapshot of that revision replaces, which lists these subjects as sound. Tells which subjects were
    /// settled while it was taken, and when.
    pub(super) fn forget_reading(
        &mut self,
        snapshot: Revision,
        is_sound: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, Revision> {
        let settled = std::mem::take(&mut self.settled);
        self.to_review |= !self.diagnostics.is_empty();
        self.diagnostics.retain(|subject, all| {
            let at = settled.get(subject).copied();
            all.retain(|noted| noted.outlives(snapshot, at, &is_sound));
            !all.is_empty()
        });
        self.failures.clear();
        settled
    }

    /// Subjects of diagnostics that have come while a snapshot was being taken.
    pub(super) fn fresh_subjects(&self) -> BTreeSet<&str> {
        let fresh = self.diagnostics.values().flatten().filter(|noted| noted.is_fresh);
        fresh.map(|noted| noted.diagnostic.subject.as_str()).collect()
    }

    /// How it fares; it may have so many devices.
    pub(super) fn status(&self, claims: &Claims, bound: usize) -> SourceStatus {
        let crowded = self.crowd.diagnostic(&self.info.name, bound);
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
            stale: self.doubt.as_ref().map(|doubt| doubt.stale.clone()),
            streams: self.info.streams.iter().map(stream).collect(),
            last_change: self.last_change,
            events: self.events,
            dropped: self.dropped,
            resyncs: self.resyncs,
            coalesced: self.coalesced,
            coalesced_hints: self.coalesced_hints,
            reasons: self.reasons.clone(),
            snapshots: self.snapshots,
            snapshot_durations: self.durations,
            failures: self.failures_counted,
            restarts: self.restarts,
            checks: self.checks,
            drifts: self.drifts,
            counts: Vec::new(),
            diagnostics: self
                .drift
                .iter()
                .chain(&self.uncounted)
                .chain(&crowded)
                .chain(diagnostics_of(&self.diagnostics))
                .cloned()
                .collect(),
        }
    }
}

fn diagnostics_of(noted: &BTreeMap<String, Vec<Noted>>) -> impl Iterator<Item = &Diagnostic> {
    noted.values().flatten().map(|noted| &noted.diagnostic)
}
