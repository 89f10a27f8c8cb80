//! Random histories: what sources say, when it arrives, and what is checked after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nodedev_merge::{Change, Policy};
use nodedev_source::{
    ErrorKind, Hint, HintStream, Listing, Snapshot as Reading, SourceError, SourceEvent,
    hint_channel,
};
use nodedev_types::{Device, DeviceId, DeviceName, Diagnostic, Observation, Revision, SourceId};
use proptest::prelude::*;
use tokio::time::Instant;

use super::model::{Model, follow};
use super::world::{self, MDEVCTL, SOURCES, Speaker, UDEV, speakers, words};
use crate::again::Again;
use crate::config::RegistryConfig;
use crate::snapshot::Snapshot;
use crate::state::{Message, State};

/// One step. Numbers mean speakers, devices and words, wrapped around; `back` makes a word late.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Say(u8, u8, u8, u8),
    Gone(u8, u8, u8),
    Unreadable(u8, u8),
    Rename(u8, u8, u8),
    Begin(u8),
    End(u8, Vec<(u8, u8, u8)>, u8),
    Fail(u8),
    Tick(u16),
    Publish,
}

impl Step {
    pub(super) fn source(&self) -> Option<usize> {
        let of_speaker = |n: u8| speakers()[usize::from(n) % speakers().len()].source;
        match self {
            Self::Say(speaker, ..) | Self::Gone(speaker, ..) | Self::Unreadable(speaker, ..) => {
                Some(of_speaker(*speaker))
            }
            Self::Rename(..) => Some(UDEV),
            Self::Begin(source) | Self::End(source, ..) | Self::Fail(source) => {
                Some(usize::from(*source) % SOURCES)
            }
            Self::Tick(_) | Self::Publish => None,
        }
    }
}

pub(super) fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let n = || any::<u8>();
    let back = || prop_oneof![4 => Just(0_u8), 1 => 1..6_u8];
    let listed = prop::collection::vec((n(), n(), 0..6_u8), 0..14);
    let step = prop_oneof![
        12 => (n(), n(), 0..6_u8, back()).prop_map(|(s, d, v, b)| Step::Say(s, d, v, b)),
        5 => (n(), n(), back()).prop_map(|(s, d, b)| Step::Gone(s, d, b)),
        1 => (n(), n()).prop_map(|(s, d)| Step::Unreadable(s, d)),
        3 => (n(), n(), 0..6_u8).prop_map(|(from, to, v)| Step::Rename(from, to, v)),
        2 => n().prop_map(Step::Begin),
        5 => (n(), listed, n()).prop_map(|(s, l, odd)| Step::End(s, l, odd)),
        1 => n().prop_map(Step::Fail),
        1 => (0..1500_u16).prop_map(Step::Tick),
    ];
    let published = (step, prop::bool::weighted(0.7));
    prop::collection::vec(published, 1..count).prop_map(|steps| {
        let step =
            |(step, publish)| [step].into_iter().chain(bool::then_some(publish, Step::Publish));
        steps.into_iter().flat_map(step).collect()
    })
}

/// The oddity of a reading in which nothing is odd.
const ALL_WELL: u8 = 12;

#[derive(Debug, Clone)]
enum Last {
    Nothing,
    Event(usize, SourceEvent),
    Reading(usize, Reading),
}

/// The state and the model, told the same.
pub(super) struct Run {
    policy: Arc<Policy>,
    state: State,
    model: Model,
    speakers: Vec<Speaker>,
    hints: Vec<HintStream>,
    now: Instant,
    revisions: [u64; SOURCES],
    reading: [Option<(Revision, Hint)>; SOURCES],
    last: Last,
    list: BTreeMap<DeviceName, Device>,
}

impl Run {
    pub(super) fn new() -> Self {
        let infos = world::sources();
        let streams = infos.iter().flat_map(|info| info.streams.iter().cloned());
        let policy = Arc::new(Policy::new(streams).expect("no ties"));
        let (mut sources, mut hints) = (Vec::new(), Vec::new());
        for info in infos {
            let (sender, stream) = hint_channel();
            sources.push((info, sender, Again::default()));
            hints.push(stream);
        }
        let config = RegistryConfig::default();
        Self {
            state: State::new(Arc::clone(&policy), config, sources),
            policy,
            model: Model::default(),
            speakers: speakers(),
            hints,
            now: Instant::now(),
            // Late words are older than these, and never equal to the first.
            revisions: [8; SOURCES],
            reading: [None; SOURCES],
            last: Last::Nothing,
            list: BTreeMap::new(),
        }
    }

    pub(super) fn set_ready(&mut self) {
        self.state.set_ready();
        self.model.ready = true;
    }

    pub(super) fn list(&self) -> &BTreeMap<DeviceName, Device> {
        &self.list
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Say(speaker, device, variant, back) => {
                let (source, stream, device) = self.choose(speaker, device);
                let revision = self.revision(source, back);
                let fields = words(&stream, &device, variant);
                let said = Observation { source: stream, device, revision, fields };
                self.tell(source, SourceEvent::Observed(said));
            }
            Step::Gone(speaker, device, back) => {
                let (source, stream, device) = self.choose(speaker, device);
                let revision = self.revision(source, back);
                self.tell(source, gone(&stream, &device, revision));
            }
            Step::Unreadable(speaker, device) => {
                let (source, stream, device) = self.choose(speaker, device);
                let event = SourceEvent::Unreadable {
                    source: stream,
                    diagnostic: Diagnostic::warning(device.to_string(), "test"),
                    device,
                    revision: self.revision(source, 0),
                };
                self.tell(source, event);
            }
            Step::Rename(from, to, variant) => self.rename(from, to, variant),
            Step::Begin(source) => self.begin(usize::from(source) % SOURCES),
            Step::End(source, listed, odd) => {
                self.end(usize::from(source) % SOURCES, &listed, odd);
            }
            Step::Fail(source) => self.fail(usize::from(source) % SOURCES),
            Step::Tick(ms) => self.now += Duration::from_millis(ms.into()),
            Step::Publish => {
                self.publish();
            }
        }
    }

    /// Says the last word again; tells whether nobody heard of it.
    pub(super) fn repeat_is_silent(&mut self) -> bool {
        match self.last.clone() {
            Last::Nothing => {}
            Last::Event(source, event) => self.tell(source, event),
            Last::Reading(source, reading) => self.give(source, reading),
        }
        self.publish().is_empty()
    }

    pub(super) fn withdraw(&mut self, source: usize) {
        self.begin(source);
        self.end(source, &[], ALL_WELL);
    }

    fn choose(&self, speaker: u8, device: u8) -> (usize, SourceId, DeviceId) {
        let speaker = &self.speakers[usize::from(speaker) % self.speakers.len()];
        let device = &speaker.devices[usize::from(device) % speaker.devices.len()];
        (speaker.source, speaker.id.clone(), device.clone())
    }

    fn revision(&mut self, source: usize, back: u8) -> Revision {
        if back == 0 {
            self.revisions[source] += 1;
        }
        Revision(self.revisions[source].saturating_sub(back.into()).max(1))
    }

    fn rename(&mut self, from: u8, to: u8, variant: u8) {
        let (_, stream, from) = self.choose(0, from);
        let (_, _, to) = self.choose(0, to);
        if from == to {
            return;
        }
        let revision = self.revision(UDEV, 0);
        let said = Observation {
            fields: words(&stream, &to, variant),
            source: stream.clone(),
            device: to,
            revision,
        };
        let batch = vec![gone(&stream, &from, revision), SourceEvent::Observed(said)];
        self.tell(UDEV, SourceEvent::Batch(batch));
    }

    /// As the actor does it: what goes away is published before it comes back.
    fn tell(&mut self, source: usize, event: SourceEvent) {
        let message = Message::Event(event.clone());
        if self.state.must_publish_before(&message) {
            self.publish();
        }
        self.tell_model(&event);
        self.state.apply(source, message, self.now);
        self.finish();
        self.last = Last::Event(source, event);
    }

    fn tell_model(&mut self, event: &SourceEvent) {
        match event {
            SourceEvent::Observed(said) => self.model.observe(said),
            SourceEvent::Gone { source, device, revision } => {
                self.model.gone(source, device, *revision)
            }
            SourceEvent::Batch(events) => events.iter().for_each(|event| self.tell_model(event)),
            _ => {}
        }
    }

    fn begin(&mut self, source: usize) {
        let revision = self.revision(source, 0);
        self.reading[source] = Some((revision, self.hints[source].newest()));
        let began = Message::SnapshotBegan { resync: true, dropped: 0, coalesced: 0 };
        self.state.apply(source, began, self.now);
    }

    /// `odd` makes a stream fail, and devices unreadable.
    fn end(&mut self, source: usize, listed: &[(u8, u8, u8)], odd: u8) {
        if self.reading[source].is_none() {
            self.begin(source);
        }
        let Some((revision, answers)) = self.reading[source].take() else {
            return;
        };
        let mut reading = Reading::new();
        reading.answers = answers;
        let speakers = self.speakers.iter().enumerate();
        for (n, speaker) in speakers.filter(|(_, speaker)| speaker.source == source) {
            let mut listing = self.listing(n, speaker, revision, listed);
            if odd % 16 == n as u8 {
                let error = SourceError::new(ErrorKind::Failed, "test");
                listing = Listing::failed(speaker.id.clone(), revision, error);
            } else if odd % 16 > 12 {
                let device = &speaker.devices[usize::from(odd / 16) % speaker.devices.len()];
                listing = listing.with_unreadable(vec![device.clone()]);
                if let Ok(devices) = &mut listing.devices {
                    devices.retain(|said| said.device != *device);
                }
            }
            reading.listings.push(listing);
        }
        self.give(source, reading);
    }

    fn listing(
        &self,
        n: usize,
        speaker: &Speaker,
        revision: Revision,
        listed: &[(u8, u8, u8)],
    ) -> Listing {
        let mut devices: BTreeMap<&DeviceId, u8> = BTreeMap::new();
        for (of, device, variant) in listed {
            // The streams of one source share what it lists.
            if usize::from(*of) % 2 == n % 2 || speaker.source != MDEVCTL {
                let at = usize::from(*device) % speaker.devices.len();
                devices.insert(&speaker.devices[at], *variant);
            }
        }
        let said = |(device, variant): (&&DeviceId, &u8)| Observation {
            source: speaker.id.clone(),
            device: (*device).clone(),
            revision,
            fields: words(&speaker.id, device, *variant),
        };
        let said = devices.iter().map(said).collect();
        Listing::complete(speaker.id.clone(), revision, said)
    }

    fn give(&mut self, source: usize, reading: Reading) {
        self.last = Last::Reading(source, reading.clone());
        self.give_model(source, &reading);
        let ended = Message::SnapshotEnded(reading);
        self.state.apply(source, ended, self.now);
        self.finish();
    }

    fn give_model(&mut self, source: usize, reading: &Reading) {
        for listing in &reading.listings {
            let speaker = self.speakers.iter().find(|s| s.id == listing.source);
            let everything = &speaker.expect("a known stream").devices;
            if let Ok(devices) = &listing.devices {
                let (stream, revision) = (&listing.source, listing.revision);
                let unreadable = &listing.unreadable;
                let answers = reading.answers;
                self.model.list(stream, revision, devices, unreadable, answers, everything);
            }
        }
        if source == MDEVCTL {
            let live = &reading.listings[1];
            self.model.can_answer = live.devices.is_ok();
            self.model.answered = self.model.answered.max(reading.answers);
        }
    }

    fn fail(&mut self, source: usize) {
        self.reading[source] = None;
        self.last = Last::Nothing;
        if source == MDEVCTL {
            self.model.can_answer = false;
        }
        let failed = Message::Failed("test".to_owned());
        self.state.apply(source, failed, self.now);
        self.finish();
    }

    fn finish(&mut self) {
        let hint = self.hints[MDEVCTL].newest();
        self.model.finish(hint, self.now);
    }

    /// Publishes, and compares what is published with what must be.
    fn publish(&mut self) -> Vec<Change> {
        self.state.release_due(self.now);
        if !self.model.ready {
            assert!(!self.state.is_pending());
            return Vec::new();
        }
        let must = self.model.show(&self.policy, self.now);
        let (snapshot, changes) = self.state.publish();
        let list: BTreeMap<_, _> =
            snapshot.devices().map(|device| (device.name.clone(), (**device).clone())).collect();
        assert_eq!(list, must);
        check_indexes(&snapshot);
        for stream in snapshot.sources().iter().flat_map(|s| &s.streams) {
            assert_eq!(stream.devices, self.model.count(&stream.id));
        }
        assert_eq!(follow(&self.list, &changes, &list), list);
        for change in &changes {
            let (old, new) = (self.list.get(&change.name), list.get(&change.name));
            assert_ne!(old, new, "{change:?} where nothing has changed");
        }
        self.list = list;
        changes
    }
}

fn gone(stream: &SourceId, device: &DeviceId, revision: Revision) -> SourceEvent {
    SourceEvent::Gone { source: stream.clone(), device: device.clone(), revision }
}

/// What can be looked up is what a scan of the list finds.
fn check_indexes(snapshot: &Snapshot) {
    use nodedev_types::{Capability, fields::device};
    let mut paths: BTreeMap<&str, &Device> = BTreeMap::new();
    for device in snapshot.devices() {
        if let Some(path) = device.fields.get(device::PATH) {
            let first = paths.entry(path).or_insert(device);
            if device.id < first.id {
                *first = device;
            }
        }
    }
    assert_eq!(snapshot.by_path.size(), paths.len());
    for (path, device) in paths {
        assert_eq!(snapshot.device_at(path).map(|d| &d.name), Some(&device.name));
    }
    let mut count = 0;
    for &capability in Capability::ALL {
        let found: Vec<_> = snapshot.with_capability(capability).collect();
        let has = |device: &&Arc<Device>| device.capabilities().contains(&capability);
        assert_eq!(found, snapshot.devices().filter(has).collect::<Vec<_>>());
        count += found.len();
    }
    assert_eq!(snapshot.by_capability.size(), count);
}
