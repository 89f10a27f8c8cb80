//! The registry's state: takes messages, keeps claims, decides when they become visible.
//!
//! Synchronous and without I/O; time is given to it. Only the actor beside it changes its only value.

mod busy;
mod crowd;
mod listing;
mod log_book;
mod self_check;
mod source;
#[cfg(test)]
mod tests;
mod waiting;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nodedev_merge::{Change, Policy};
use nodedev_source::{Hint, HintSender, Inventory, Snapshot as Reading, SourceEvent, SourceInfo};
use nodedev_types::{Capability, Device, DeviceId, Diagnostic, Presence, SourceId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::again::Again;
use crate::claims::{Claims, Said, for_merge};
use crate::config::RegistryConfig;
use crate::index::Index;
use crate::snapshot::Snapshot;
use crate::status::{SourceState, SourceStatus};
use crate::totals::Totals;

pub(crate) use self_check::Verdict;
use source::Source;

/// Why a source is read once more after so much of it went while it was being read.
const DEPARTURES: &str = "more departures than are remembered while it is read";

/// Which source, by its place in the list of sources.
pub(crate) type SourceIndex = usize;

#[derive(Debug)]
pub(crate) struct State {
    policy: Arc<Policy>,
    config: RegistryConfig,
    sources: Vec<Source>,
    claims: Claims,
    index: Index,
    /// Devices whose claims have changed since the last publication.
    touched: BTreeSet<DeviceId>,
    /// Devices among them that went away: what comes after is another life.
    gone: BTreeSet<DeviceId>,
    /// Capabilities of devices of which each source had news, since hints were last raised.
    news: Vec<(SourceIndex, Capability)>,
    /// Mediated devices that have just appeared, since hints were last raised.
    appeared: BTreeSet<DeviceId>,
    /// What a listing must answer to be of a device's present life.
    lives: BTreeMap<DeviceId, Life>,
    /// Devices whose announcement waits for another source.
    held: BTreeMap<DeviceId, Instant>,
    ready: bool,
    statuses_changed: bool,
    totals: Totals,
    published: Arc<Snapshot>,
}

/// A published device with its claims.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) device: Arc<Device>,
    pub(crate) said: Vec<Said>,
    /// Its start is held back, so that the claims may be newer than the device.
    pub(crate) is_held: bool,
}

/// The hints raised when a mediated device appeared, one for each source that was hinted.
type Life = BTreeMap<SourceIndex, Hint>;

/// Something that a source's supervisor tells.
#[derive(Debug)]
pub(crate) enum Message {
    Event(SourceEvent),
    /// Something that it said may be out of date, for this reason; so many messages were dropped.
    Doubted {
        reason: String,
        dropped: u64,
    },
    /// What it finds on the host, to be compared with what it has said.
    Counted {
        inventory: Inventory,
        verdict: oneshot::Sender<Verdict>,
    },
    /// What it finds on the host cannot be had, for this reason.
    Uncounted(Diagnostic),
    /// It is being read, because it was in doubt or for the first time; so many more messages were dropped.
    SnapshotBegan {
        resync: bool,
        dropped: u64,
        /// So many requests to be read again were put together with others since the last time.
        coalesced: u64,
    },
    SnapshotEnded(Reading),
    /// The source has failed, and with it whatever it was reading.
    Failed(String),
    Restarted,
}

impl State {
    pub(crate) fn new(
        policy: Arc<Policy>,
        config: RegistryConfig,
        sources: Vec<(SourceInfo, HintSender, Again)>,
    ) -> Self {
        let sources = sources.into_iter();
        let sources = sources.map(|(info, hints, again)| Source::new(info, hints, again)).collect();
        Self {
            policy,
            config,
            sources,
            claims: Claims::default(),
            index: Index::default(),
            touched: BTreeSet::new(),
            gone: BTreeSet::new(),
            news: Vec::new(),
            appeared: BTreeSet::new(),
            lives: BTreeMap::new(),
            held: BTreeMap::new(),
            ready: false,
            statuses_changed: true,
            totals: Totals::default(),
            published: Arc::new(Snapshot::default()),
        }
    }

    /// The published device of that name, and what it is made of.
    ///
    /// Of a device whose start is still held back, only what the definition says.
    pub(crate) fn published_device(&self, name: &str) -> Option<Claimed> {
        let device = self.published.device(name)?;
        let mut said = self.claims.of(&device.id).to_vec();
        let is_held = self.held.contains_key(&device.id);
        if is_held {
            let is_defined =
                |said: &Said| self.policy.presence(&said.source, &device.id) == Presence::Defined;
            said.retain(is_defined);
        }
        Some(Claimed { device: Arc::clone(device), said, is_held })
    }

    /// Whether this message would hide that a device went away and came back: what is pending must
    /// be published first.
    pub(crate) fn must_publish_before(&self, message: &Message) -> bool {
        match message {
            Message::Event(event) => self.revives(event),
            _ => false,
        }
    }

    fn revives(&self, event: &SourceEvent) -> bool {
        match event {
            SourceEvent::Observed(observation) => self.gone.contains(&observation.device),
            SourceEvent::Batch(events) => events.iter().any(|event| self.revives(event)),
            _ => false,
        }
    }

    /// Takes one message in. Nothing is visible before [`State::publish`].
    pub(crate) fn apply(&mut self, source: SourceIndex, message: Message, now: Instant) {
        self.statuses_changed = true;
        match message {
            Message::Event(event) => {
                self.totals.messages += 1;
                self.sources[source].events += 1;
                self.sources[source].note_message(now);
                self.apply_event(source, event);
            }
            Message::Doubted { reason, dropped } => {
                self.sources[source].dropped += dropped;
                self.sources[source].note_request(&reason, now);
                self.sources[source].doubt(&reason);
            }
            Message::Counted { inventory, verdict } => {
                // The keeper may have gone.
                let _ = verdict.send(self.compare(source, &inventory));
            }
            Message::Uncounted(why) => self.sources[source].set_uncounted(Some(why)),
            Message::SnapshotBegan { resync, dropped, coalesced } => {
                self.sources[source].dropped += dropped;
                self.sources[source].coalesced += coalesced;
                self.sources[source].begin_reading(now);
                self.sources[source].resyncs += u64::from(resync);
            }
            Message::SnapshotEnded(reading) => {
                self.apply_reading(source, reading, now);
                self.sources[source].crowd.end_reading();
            }
            Message::Failed(reason) => self.fail(source, reason),
            Message::Restarted => self.sources[source].restarts += 1,
        }
        if self.sources[source].is_reading() {
            self.bound_departures(source);
        } else {
            self.settle(source);
        }
        // Also a device of another source, when its life ends, may have had a place.
        (0..self.sources.len()).for_each(|source| self.let_in(source));
        self.sources[source].note_crowd(self.config.source_devices);
        self.raise_hints(now);
    }

    /// What the source said stays, marked stale.
    fn fail(&mut self, source: SourceIndex, reason: String) {
        let why: Arc<str> = reason.as_str().into();
        for stream in self.stream_ids(source) {
            self.claims.mark_all_stale(&stream, &why);
        }
        let entry = &mut self.sources[source];
        entry.stop_reading();
        entry.failures_counted += 1;
        entry.mark_stale(&reason);
        entry.is_readable = false;
        entry.passed = true;
        self.set_state(source, SourceState::Degraded(reason));
        self.release_unawaited();
    }

    fn set_state(&mut self, source: SourceIndex, state: SourceState) {
        let source = &mut self.sources[source];
        if let SourceState::Degraded(reason) = &state
            && source.state != state
        {
            tracing::warn!(source = %source.info.name, %reason, "source degraded");
        }
        if matches!((&source.state, &state), (SourceState::Degraded(_), SourceState::Running)) {
            tracing::info!(source = %source.info.name, "source runs again");
        }
        source.state = state;
    }

    fn settle(&mut self, source: SourceIndex) {
        for stream in &self.sources[source].info.streams {
            self.claims.settle(&stream.id);
        }
    }

    /// What departed and was forgotten while the source is being read must not come back by that: what is as old is not
    /// believed of any device that is not spoken of, so that the source is read once more.
    fn bound_departures(&mut self, source: SourceIndex) {
        let most = self.config.departures;
        let entry = &mut self.sources[source];
        let mut forgets = false;
        for stream in &entry.info.streams {
            forgets |= self.claims.bound_departures(&stream.id, most);
        }
        if forgets && !std::mem::replace(&mut entry.forgets, true) {
            entry.doubt(DEPARTURES);
            entry.again.ask();
        }
    }

    /// Whether every source has been through its first pass. `first` asks only for those that wait
    /// for nobody.
    pub(crate) fn has_passed(&self, first: bool) -> bool {
        let mut asked = self.sources.iter().filter(|s| !first || s.info.interests.is_empty());
        asked.all(|source| source.passed)
    }

    /// From now on the list is published.
    pub(crate) fn set_ready(&mut self) {
        self.ready = true;
    }

    /// Whether [`State::publish`] would show anything new.
    pub(crate) fn is_pending(&self) -> bool {
        self.ready && (self.statuses_changed || !self.touched.is_empty())
    }

    /// Makes what has changed visible, and tells the events that lead there.
    pub(crate) fn publish(&mut self) -> (Arc<Snapshot>, Vec<Change>) {
        self.gone.clear();
        let touched = std::mem::take(&mut self.touched);
        let updates = touched.into_iter().filter(|id| !self.held.contains_key(id));
        let updates: Vec<_> = updates
            .map(|id| {
                let merged = self.policy.merge(&id, &for_merge(self.claims.of(&id)));
                (id, merged)
            })
            .collect();
        let mut snapshot = (*self.published).clone();
        let changes = self.index.update(updates, &mut snapshot);
        if !changes.is_empty() || snapshot.generation == 0 {
            snapshot.generation += 1;
        }
        self.totals.tell(&changes);
        snapshot.totals = self.totals;
        snapshot.sources = Arc::new(self.statuses());
        snapshot.answered = self.sources.iter().map(Source::answer).collect();
        self.statuses_changed = false;
        self.published = Arc::new(snapshot);
        (Arc::clone(&self.published), changes)
    }

    /// Tells the log what has become of the sources' diagnostics.
    pub(crate) fn review(&mut self, now: Instant) {
        self.sources.iter_mut().for_each(|source| source.review(now));
    }

    /// When the log is to be told something, whatever happens.
    pub(crate) fn review_due(&self) -> Option<Instant> {
        self.sources.iter().filter_map(Source::review_due).min()
    }

    fn statuses(&self) -> Vec<SourceStatus> {
        let bound = self.config.source_devices;
        self.sources.iter().map(|source| source.status(&self.claims, bound)).collect()
    }

    fn stream_ids(&self, source: SourceIndex) -> Vec<SourceId> {
        self.sources[source].info.streams.iter().map(|stream| stream.id.clone()).collect()
    }
}
