//! What one source has said up to a moment of the recording: what it would answer then.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_source::{Hint, Listing, Presence, Snapshot, SourceError, SourceInfo};
use nodedev_types::{Capability, DeviceId, Diagnostic, Observation, Revision, SourceId};

use crate::format::{Answer, Call, Failure, ListingEnd, Message, Word};

/// What a source has said so far.
#[derive(Debug, Default)]
pub(crate) struct Past {
    streams: BTreeMap<SourceId, Stream>,
    /// What was last read again of each device, unless it has been spoken of since.
    refreshed: BTreeMap<DeviceId, Answer>,
    diagnostics: Vec<Diagnostic>,
    backend: Option<String>,
    failure: Option<Failure>,
    /// Devices listed since the last snapshot was complete.
    listed: BTreeMap<SourceId, BTreeSet<DeviceId>>,
    has_been_read: bool,
    /// Mediated devices that began or ceased to run, as others have to know.
    lives: Vec<DeviceId>,
    cares_for_lives: bool,
    /// The newest hint that has been answered.
    answered: Hint,
}

#[derive(Debug, Default)]
struct Stream {
    presence: Option<Presence>,
    devices: BTreeMap<DeviceId, Observation>,
    unreadable: BTreeSet<DeviceId>,
    /// Devices that went, and when.
    gone: BTreeMap<DeviceId, Revision>,
    /// The newest listing: what it does not name and nothing newer does is gone.
    listing: Revision,
    /// The newest of all.
    newest: Revision,
    failure: Option<Failure>,
    /// Something has been said since it was last listed.
    has_news: bool,
}

impl Past {
    pub(crate) fn new(info: &SourceInfo) -> Self {
        let streams = info.streams.iter().map(|stream| {
            let presence = Some(stream.presence);
            (stream.id.clone(), Stream { presence, ..Stream::default() })
        });
        let cares_for_lives = info.interests.contains(&Capability::Mdev);
        Self { streams: streams.collect(), cares_for_lives, ..Self::default() }
    }

    /// Takes in what was said next.
    pub(crate) fn apply(&mut self, message: &Message) {
        match message {
            Message::Watching => self.failure = None,
            Message::Observed(word) => self.observe(word),
            Message::Gone(gone) => {
                self.refreshed.remove(&gone.device);
                let is_news = self.stream(&gone.stream).withdraw(&gone.device, gone.revision);
                self.follow_life(&gone.stream, &gone.device, is_news);
            }
            Message::Unreadable(word) => {
                let stream = self.stream(&word.stream);
                stream.has_news = true;
                stream.unreadable.insert(word.device.clone());
            }
            Message::Batch { messages } => messages.iter().for_each(|message| self.apply(message)),
            Message::Listed(word) => {
                let listed = self.listed.entry(word.stream.clone()).or_default();
                listed.insert(word.device.clone());
                self.observe(word);
            }
            Message::Snapshot { listings, diagnostics, backend } => {
                self.complete(listings);
                self.diagnostics.clone_from(diagnostics);
                self.backend.clone_from(backend);
            }
            Message::Failed { error, .. } => self.failure = Some(error.clone()),
            Message::Stopped => {
                let message = "it ended by itself".to_owned();
                self.failure = Some(Failure { kind: "failed".to_owned(), message });
            }
            Message::Refreshed { device, answer } => {
                self.refreshed.insert(device.clone(), answer.clone());
            }
            Message::Resync { .. } | Message::Diagnostic { .. } | Message::End { .. } => {}
        }
    }

    /// Whether it has been read to an end, good or bad.
    pub(crate) const fn has_been_read(&self) -> bool {
        self.has_been_read || self.failure.is_some()
    }

    /// What it would list now. Where something failed of which more had been said before than has been
    /// listed yet, that comes first: the listing that failed is what is to be asked for next.
    pub(crate) fn snapshot(&mut self, answers: Hint) -> Result<(Snapshot, bool), SourceError> {
        // With a hint the registry may have begun a life that what was listed before does not count for.
        let is_asked_anew = std::mem::replace(&mut self.answered, answers) < answers;
        let fails = self.failure.is_some();
        let mut comes_next = false;
        for stream in self.streams.values_mut() {
            stream.has_news |= is_asked_anew && !stream.devices.is_empty();
            comes_next |= stream.has_news && (fails || stream.failure.is_some());
        }
        if let (Some(failure), false) = (&self.failure, comes_next) {
            return Err(failure.into());
        }
        let mut snapshot = Snapshot::new();
        let streams = self.streams.iter_mut();
        snapshot.listings = streams.map(|(id, stream)| stream.list(id)).collect();
        snapshot.diagnostics.clone_from(&self.diagnostics);
        snapshot.backend.clone_from(&self.backend);
        snapshot.answers = answers;
        Ok((snapshot, comes_next))
    }

    /// Mediated devices that have begun or ceased to run since this was last asked.
    pub(crate) fn take_lives(&mut self) -> Vec<DeviceId> {
        std::mem::take(&mut self.lives)
    }

    /// What was said of the running of a device that another source saw begin or end is not of its
    /// next life: the registry does not inherit it either.
    pub(crate) fn forget_life(&mut self, device: &DeviceId) {
        if self.cares_for_lives {
            let live = |stream: &&mut Stream| stream.presence == Some(Presence::Nothing);
            self.streams.values_mut().filter(live).for_each(|stream| stream.forget(device));
        }
    }

    /// What reading the device again would bring now.
    pub(crate) fn refresh(&self, device: &DeviceId) -> Result<Option<Observation>, SourceError> {
        match self.refreshed.get(device) {
            // What was said is what there is.
            None | Some(Answer::Nothing) => Ok(None),
            Some(Answer::Said(word)) => Ok(Some(word.into())),
            Some(Answer::Failed(failure)) => Err(failure.into()),
        }
    }

    fn stream(&mut self, id: &SourceId) -> &mut Stream {
        self.streams.entry(id.clone()).or_default()
    }

    fn observe(&mut self, word: &Word) {
        let stream = self.stream(&word.stream);
        let is_new = !stream.devices.contains_key(&word.device);
        if stream.observe(word) {
            self.refreshed.remove(&word.device);
            self.follow_life(&word.stream, &word.device, is_new);
        }
    }

    fn follow_life(&mut self, stream: &SourceId, device: &DeviceId, is_news: bool) {
        let presence = self.streams.get(stream).and_then(|stream| stream.presence);
        let is_mdev = matches!(device, DeviceId::Mdev { .. });
        if is_news && is_mdev && presence == Some(Presence::Active) {
            self.lives.push(device.clone());
        }
    }

    fn complete(&mut self, listings: &[ListingEnd]) {
        let mut listed = std::mem::take(&mut self.listed);
        for listing in listings {
            let mut named = listed.remove(&listing.stream).unwrap_or_default();
            // Where lines have been lost nobody can tell who is missing.
            let is_whole = named.len() == listing.devices;
            named.extend(listing.unreadable.iter().cloned());
            let stream = self.stream(&listing.stream);
            stream.failure.clone_from(&listing.error);
            if listing.error.is_none() {
                let missing = stream.complete(listing, is_whole.then_some(&named));
                for device in missing {
                    self.follow_life(&listing.stream, &device, true);
                }
            }
        }
        self.failure = None;
        self.has_been_read = true;
    }
}

impl Stream {
    /// Whether it is news.
    fn observe(&mut self, word: &Word) -> bool {
        let said = self.devices.get(&word.device).map(|said| said.revision);
        let known = said.or_else(|| self.gone.get(&word.device).copied());
        if word.revision < known.unwrap_or(self.listing) {
            return false;
        }
        self.newest = self.newest.max(word.revision);
        self.has_news = true;
        self.gone.remove(&word.device);
        self.unreadable.remove(&word.device);
        self.devices.insert(word.device.clone(), word.into());
        true
    }

    /// Whether it was there.
    fn withdraw(&mut self, device: &DeviceId, revision: Revision) -> bool {
        let said = self.devices.get(device);
        if said.is_some_and(|said| said.revision > revision) {
            return false;
        }
        self.newest = self.newest.max(revision);
        self.has_news = true;
        self.unreadable.remove(device);
        self.gone.insert(device.clone(), revision);
        self.devices.remove(device).is_some()
    }

    fn forget(&mut self, device: &DeviceId) {
        if let Some(said) = self.devices.remove(device) {
            // Newer than the word itself, so that a listing without it withdraws it.
            self.newest = self.newest.max(Revision(said.revision.0.saturating_add(1)));
            self.has_news = true;
            self.gone.insert(device.clone(), said.revision);
        }
    }

    /// The devices that are no longer there.
    fn complete(&mut self, end: &ListingEnd, named: Option<&BTreeSet<DeviceId>>) -> Vec<DeviceId> {
        let revision = end.revision;
        self.newest = self.newest.max(revision);
        self.has_news = true;
        self.unreadable.retain(|device| named.is_none_or(|named| !named.contains(device)));
        self.unreadable.extend(end.unreadable.iter().cloned());
        let Some(named) = named else { return Vec::new() };
        self.listing = self.listing.max(revision);
        let is_missing =
            |said: &Observation| said.revision < revision && !named.contains(&said.device);
        let missing = self.devices.values().filter(|said| is_missing(said));
        let mut missing: Vec<_> = missing.map(|said| said.device.clone()).collect();
        missing.retain(|device| self.withdraw(device, revision));
        self.gone.retain(|_, gone| *gone > self.listing);
        missing
    }

    fn list(&mut self, id: &SourceId) -> Listing {
        if let (Some(failure), false) = (&self.failure, self.has_news) {
            return Listing::failed(id.clone(), self.newest, failure.into());
        }
        self.has_news = false;
        // Read anew, as a source would: a word that was refused before counts now.
        let read = |said: &Observation| Observation { revision: self.newest, ..said.clone() };
        let devices = self.devices.values().map(read).collect();
        // One that cannot be read keeps its last word. Where there is none, an older one must not stay.
        let unreadable = self.unreadable.iter().filter(|id| self.devices.contains_key(*id));
        let unreadable = unreadable.cloned().collect();
        Listing::complete(id.clone(), self.newest, devices).with_unreadable(unreadable)
    }
}

/// Which calls fail by a message, for who follows the source.
pub(crate) fn tells_failure(message: &Message) -> bool {
    matches!(message, Message::Stopped | Message::Failed { call: Call::Watch | Call::Snapshot, .. })
}
