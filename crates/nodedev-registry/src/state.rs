//! The registry's state: takes messages, keeps claims, decides when they become visible.
//!
//! Synchronous and without I/O; time is given to it. The actor beside it owns the only value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use nodedev_merge::{Change, Policy};
use nodedev_source::{Hint, HintSender, Listing, Snapshot as Reading, SourceEvent, SourceInfo};
use nodedev_types::fields::{device, mdev_types};
use nodedev_types::{Capability, DeviceId, Diagnostic, Observation, Presence, Revision, SourceId};
use tokio::time::Instant;

use crate::claims::{Claims, Effect, Said, for_merge};
use crate::config::RegistryConfig;
use crate::index::Index;
use crate::snapshot::Snapshot;
use crate::status::{SourceState, SourceStatus, StreamStatus};

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
    published: Arc<Snapshot>,
}

/// The hints raised when a mediated device appeared, one for each source that was hinted.
type Life = BTreeMap<SourceIndex, Hint>;

#[derive(Debug)]
struct Source {
    info: SourceInfo,
    hints: HintSender,
    state: SourceState,
    backend: Option<String>,
    failures: BTreeMap<SourceId, String>,
    diagnostics: BTreeMap<String, Vec<Diagnostic>>,
    last_change: Option<SystemTime>,
    events: u64,
    resyncs: u64,
    restarts: u64,
    snapshots_in_flight: usize,
    passed: bool,
    answered: Hint,
}

/// Something that a source's supervisor tells.
#[derive(Debug)]
pub(crate) enum Message {
    Event(SourceEvent),
    SnapshotBegan { resync: bool },
    SnapshotEnded(Result<Reading, String>),
    State(SourceState),
    Restarted,
}

impl State {
    pub(crate) fn new(
        policy: Arc<Policy>,
        config: RegistryConfig,
        sources: Vec<(SourceInfo, HintSender)>,
    ) -> Self {
        let sources = sources
            .into_iter()
            .map(|(info, hints)| Source::new(info, hints))
            .collect();
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
            published: Arc::new(Snapshot::default()),
        }
    }

    pub(crate) fn said_of(&self, device: &DeviceId) -> &[Said] {
        self.claims.of(device)
    }

    /// Whether this message would hide that a device went away and came back: what is pending must
    /// be published first.
    pub(crate) fn must_publish_before(&self, message: &Message) -> bool {
        let observed = |event: &SourceEvent| match event {
            SourceEvent::Observed(observation) => self.gone.contains(&observation.device),
            _ => false,
        };
        match message {
            Message::Event(SourceEvent::Batch(events)) => events.iter().any(observed),
            Message::Event(event) => observed(event),
            _ => false,
        }
    }

    /// Takes one message in. Nothing is visible before [`State::publish`].
    pub(crate) fn apply(&mut self, source: SourceIndex, message: Message, now: Instant) {
        self.statuses_changed = true;
        match message {
            Message::Event(event) => {
                self.sources[source].events += 1;
                self.apply_event(source, event);
            }
            Message::SnapshotBegan { resync } => {
                self.sources[source].snapshots_in_flight += 1;
                self.sources[source].resyncs += u64::from(resync);
            }
            Message::SnapshotEnded(result) => self.apply_snapshot(source, result),
            Message::State(state) => self.set_state(source, state),
            Message::Restarted => self.sources[source].restarts += 1,
        }
        self.raise_hints(now);
    }

    fn apply_event(&mut self, source: SourceIndex, event: SourceEvent) {
        match event {
            SourceEvent::Observed(observation) => self.observe(source, observation),
            SourceEvent::Gone {
                source: stream,
                device,
                revision,
            } => {
                self.withdraw(source, &stream, &device, revision);
            }
            SourceEvent::Unreadable {
                source: stream,
                device,
                revision,
                diagnostic,
            } => {
                self.unreadable(source, &stream, &device, revision, diagnostic);
            }
            SourceEvent::Batch(events) => {
                events
                    .into_iter()
                    .for_each(|event| self.apply_event(source, event));
            }
            SourceEvent::Diagnostic(diagnostic) => self.note(source, diagnostic),
            // The supervisor takes the snapshot.
            _ => {}
        }
    }

    fn observe(&mut self, source: SourceIndex, mut observation: Observation) {
        let Some(presence) = self.declared(source, &observation.source, &observation.device) else {
            return;
        };
        self.strip_undeclared(source, &mut observation);
        let Observation {
            source: stream,
            device,
            revision,
            fields,
        } = observation;
        let at = SystemTime::now();
        let said = Said {
            source: stream,
            fields: Arc::new(fields),
            revision,
            at,
            stale: None,
        };
        let effect = self.claims.observe(&device, said);
        if matches!(effect, Effect::Added | Effect::Changed) {
            if effect == Effect::Added
                && presence == Presence::Active
                && matches!(device, DeviceId::Mdev { .. })
            {
                self.appeared.insert(device.clone());
            }
            self.changed(source, &device);
        }
        if effect != Effect::Ignored {
            self.sources[source].forget_diagnostics(&device);
        }
    }

    fn withdraw(
        &mut self,
        source: SourceIndex,
        stream: &SourceId,
        device: &DeviceId,
        revision: Revision,
    ) {
        let Some(presence) = self.declared(source, stream, device) else {
            return;
        };
        let bury = self.sources[source].snapshots_in_flight > 0;
        let capabilities = self.capabilities_said(stream, device);
        if self.claims.withdraw(stream, device, revision, bury) != Effect::Withdrawn {
            return;
        }
        self.news.extend(
            // No listing is needed to know that a mediated device has stopped.
            capabilities
                .into_iter()
                .filter(|c| *c != Capability::Mdev)
                .map(|c| (source, c)),
        );
        self.touch(source, device);
        if presence == Presence::Active {
            self.gone.insert(device.clone());
            if matches!(device, DeviceId::Mdev { .. }) {
                self.end_life(device);
            }
        }
        self.sources[source].forget_diagnostics(device);
    }

    /// The device stops: what was said of its running is not inherited by a later namesake.
    fn end_life(&mut self, device: &DeviceId) {
        self.held.remove(device);
        self.lives.remove(device);
        self.appeared.remove(device);
        let live: Vec<_> = self
            .sources
            .iter()
            .filter(|source| source.info.interests.contains(&Capability::Mdev))
            .flat_map(|source| &source.info.streams)
            .filter(|stream| stream.presence == Presence::Nothing)
            .map(|stream| stream.id.clone())
            .collect();
        for stream in live {
            self.claims.forget(&stream, device);
        }
    }

    fn unreadable(
        &mut self,
        source: SourceIndex,
        stream: &SourceId,
        device: &DeviceId,
        revision: Revision,
        diagnostic: Diagnostic,
    ) {
        if self
            .claims
            .said(stream, device)
            .is_some_and(|said| said.revision <= revision)
        {
            let reason: Arc<str> = diagnostic.to_string().into();
            self.claims.mark_stale(stream, device, &reason);
        }
        self.note(source, diagnostic);
    }

    fn apply_snapshot(&mut self, source: SourceIndex, result: Result<Reading, String>) {
        let entry = &mut self.sources[source];
        entry.snapshots_in_flight = entry.snapshots_in_flight.saturating_sub(1);
        entry.passed = true;
        match result {
            Ok(reading) => self.apply_reading(source, reading),
            Err(reason) => self.fail(source, reason),
        }
        if self.sources[source].snapshots_in_flight == 0 {
            for stream in self.stream_ids(source) {
                self.claims.clear_tombstones(&stream);
            }
        }
    }

    fn apply_reading(&mut self, source: SourceIndex, reading: Reading) {
        let entry = &mut self.sources[source];
        entry.diagnostics.clear();
        entry.failures.clear();
        entry.backend = reading.backend;
        entry.answered = entry.answered.max(reading.answers);
        for diagnostic in reading.diagnostics {
            self.note(source, diagnostic);
        }
        for listing in reading.listings {
            self.apply_listing(source, listing, reading.answers);
        }
        let failures = &self.sources[source].failures;
        let reason = failures
            .iter()
            .map(|(stream, why)| format!("{stream}: {why}"));
        let reason = reason.collect::<Vec<_>>().join("; ");
        let state = if reason.is_empty() {
            SourceState::Running
        } else {
            SourceState::Degraded(reason)
        };
        self.set_state(source, state);
        self.release_answered(source);
    }

    fn apply_listing(&mut self, source: SourceIndex, listing: Listing, answers: Hint) {
        let Listing {
            source: stream,
            revision,
            devices,
            unreadable,
            ..
        } = listing;
        let devices = match devices {
            Ok(devices) => devices,
            Err(error) => {
                let reason = error.full_message();
                self.claims.mark_all_stale(&stream, &reason.as_str().into());
                self.sources[source].failures.insert(stream, reason);
                return;
            }
        };
        let mut named: BTreeSet<DeviceId> = unreadable.iter().cloned().collect();
        let is_live = self
            .policy
            .stream(&stream)
            .is_some_and(|s| s.presence == Presence::Nothing);
        for observation in devices {
            named.insert(observation.device.clone());
            let outdated = is_live && !self.is_of_this_life(source, &observation.device, answers);
            if observation.source == stream && !outdated {
                self.observe(source, observation);
            }
        }
        let missing: Vec<_> = self
            .claims
            .devices_of(&stream)
            .filter(|id| !named.contains(id))
            .cloned()
            .collect();
        for device in missing {
            self.withdraw(source, &stream, &device, revision);
        }
        let reason: Arc<str> = "could not be read by the last enumeration".into();
        for device in unreadable {
            if self
                .claims
                .said(&stream, &device)
                .is_some_and(|said| said.revision <= revision)
            {
                self.claims.mark_stale(&stream, &device, &reason);
            }
        }
    }

    /// Whether a listing was begun after the device had appeared, so that it means this one and not
    /// an earlier namesake.
    fn is_of_this_life(&self, source: SourceIndex, device: &DeviceId, answers: Hint) -> bool {
        let begun = self.lives.get(device).and_then(|life| life.get(&source));
        begun.is_none_or(|begun| answers >= *begun)
    }

    fn fail(&mut self, source: SourceIndex, reason: String) {
        let why: Arc<str> = reason.as_str().into();
        for stream in self.stream_ids(source) {
            self.claims.mark_all_stale(&stream, &why);
        }
        self.set_state(source, SourceState::Degraded(reason));
    }

    fn set_state(&mut self, source: SourceIndex, state: SourceState) {
        if let SourceState::Degraded(reason) = &state {
            self.sources[source].passed = true;
            self.release_waiting_for(source);
            if self.sources[source].state != state {
                tracing::warn!(source = %self.sources[source].info.name, %reason, "source degraded");
            }
        }
        self.sources[source].state = state;
    }

    fn declared(
        &mut self,
        source: SourceIndex,
        stream: &SourceId,
        device: &DeviceId,
    ) -> Option<Presence> {
        if self.sources[source].info.stream(stream).is_some() {
            return Some(self.policy.presence(stream, device));
        }
        let text = format!("speaks as `{stream}`, which is none of its streams: ignored");
        self.note(source, Diagnostic::warning(device.to_string(), text));
        None
    }

    fn strip_undeclared(&mut self, source: SourceIndex, observation: &mut Observation) {
        loop {
            let info = &self.sources[source].info;
            let Some(stream) = info.stream(&observation.source) else {
                return;
            };
            let Some(field) = stream.fields.first_outside(&observation.fields).cloned() else {
                return;
            };
            observation.fields.remove(&field);
            let text = format!("`{}` does not own this field: ignored", observation.source);
            let diagnostic = Diagnostic::warning(observation.device.to_string(), text);
            self.note(source, diagnostic.with_attribute(field.to_string()));
        }
    }

    fn note(&mut self, source: SourceIndex, diagnostic: Diagnostic) {
        tracing::debug!(source = %self.sources[source].info.name, %diagnostic);
        let all = &mut self.sources[source].diagnostics;
        if all.len() >= self.config.diagnostics && !all.contains_key(&diagnostic.subject) {
            return;
        }
        let of_subject = all.entry(diagnostic.subject.clone()).or_default();
        if !of_subject.contains(&diagnostic) && of_subject.len() < self.config.diagnostics {
            of_subject.push(diagnostic);
        }
    }

    fn changed(&mut self, source: SourceIndex, device: &DeviceId) {
        let said = self.claims.of(device);
        let capabilities = said
            .iter()
            .filter(|said| self.sources[source].info.stream(&said.source).is_some())
            .flat_map(|said| capabilities(&said.fields))
            .collect::<Vec<_>>();
        self.news.extend(
            capabilities
                .into_iter()
                .map(|capability| (source, capability)),
        );
        self.touch(source, device);
    }

    fn capabilities_said(&self, stream: &SourceId, device: &DeviceId) -> Vec<Capability> {
        self.claims
            .said(stream, device)
            .map(|said| capabilities(&said.fields))
            .unwrap_or_default()
    }

    fn touch(&mut self, source: SourceIndex, device: &DeviceId) {
        self.sources[source].last_change = Some(SystemTime::now());
        self.touched.insert(device.clone());
    }

    /// Tells each source that has an interest in what others had news of, once.
    fn raise_hints(&mut self, now: Instant) {
        let news = std::mem::take(&mut self.news);
        let appeared = std::mem::take(&mut self.appeared);
        if news.is_empty() {
            return;
        }
        for (index, source) in self.sources.iter().enumerate() {
            let interests = &source.info.interests;
            if !news
                .iter()
                .any(|(from, c)| *from != index && interests.contains(c))
            {
                continue;
            }
            let hint = source.hints.raise();
            let waits = self.ready && source.state == SourceState::Running;
            for device in appeared
                .iter()
                .filter(|_| interests.contains(&Capability::Mdev))
            {
                self.lives
                    .entry(device.clone())
                    .or_default()
                    .insert(index, hint);
                if waits {
                    self.held
                        .entry(device.clone())
                        .or_insert(now + self.config.complete);
                }
            }
        }
    }

    /// Lets go of what waited for this source and now has its answer.
    fn release_answered(&mut self, source: SourceIndex) {
        let answered = self.sources[source].answered;
        let mut released = Vec::new();
        for device in self.held.keys() {
            let Some(life) = self.lives.get(device) else {
                continue;
            };
            let waits_for = |(index, hint): (&SourceIndex, &Hint)| {
                *hint > self.sources[*index].answered
                    && self.sources[*index].state == SourceState::Running
            };
            if life.get(&source).is_some_and(|hint| *hint <= answered)
                && !life.iter().any(waits_for)
            {
                released.push(device.clone());
            }
        }
        for device in released {
            self.held.remove(&device);
            self.touched.insert(device);
        }
    }

    fn release_waiting_for(&mut self, source: SourceIndex) {
        if self.sources[source]
            .info
            .interests
            .contains(&Capability::Mdev)
        {
            let held = std::mem::take(&mut self.held);
            self.touched.extend(held.into_keys());
        }
    }

    /// Gives up waiting for what the devices that are due still lack.
    pub(crate) fn release_due(&mut self, now: Instant) {
        let due: Vec<_> = self
            .held
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for device in due {
            self.held.remove(&device);
            self.touched.insert(device);
        }
    }

    /// When [`State::release_due`] has something to do next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.held.values().min().copied()
    }

    /// Whether every source has been through its first pass. `first` asks only for those that wait
    /// for nobody.
    pub(crate) fn has_passed(&self, first: bool) -> bool {
        let asked = self
            .sources
            .iter()
            .filter(|s| !first || s.info.interests.is_empty());
        asked.into_iter().all(|source| source.passed)
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
        snapshot.sources = Arc::new(self.statuses());
        self.statuses_changed = false;
        self.published = Arc::new(snapshot);
        (Arc::clone(&self.published), changes)
    }

    fn statuses(&self) -> Vec<SourceStatus> {
        self.sources
            .iter()
            .map(|source| source.status(&self.claims))
            .collect()
    }

    fn stream_ids(&self, source: SourceIndex) -> Vec<SourceId> {
        self.sources[source]
            .info
            .streams
            .iter()
            .map(|stream| stream.id.clone())
            .collect()
    }
}

impl Source {
    fn new(info: SourceInfo, hints: HintSender) -> Self {
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
            snapshots_in_flight: 0,
            passed: false,
            answered: Hint::default(),
        }
    }

    /// A device that has been read again is no longer what its old diagnostics say.
    fn forget_diagnostics(&mut self, device: &DeviceId) {
        if !self.diagnostics.is_empty() {
            self.diagnostics.remove(&device.to_string());
        }
    }

    fn status(&self, claims: &Claims) -> SourceStatus {
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

/// The capabilities that sources can have an interest in, as one observation shows them.
fn capabilities(fields: &nodedev_types::Fields) -> Vec<Capability> {
    let main = fields.get(device::CAPABILITY);
    let types = fields
        .get(mdev_types::TYPES)
        .is_some_and(|types| !types.is_empty());
    let nested = (types && main != Some(Capability::MdevTypes)).then_some(Capability::MdevTypes);
    main.into_iter().chain(nested).collect()
}
