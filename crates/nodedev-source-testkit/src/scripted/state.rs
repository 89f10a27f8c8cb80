//! What a scripted host holds, and how its changes reach the watches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nodedev_source::{
    Counter, EventSink, Hint, Inventory, Listing, RevisionCounter, Snapshot, SourceError,
    SourceEvent, SourceInfo,
};
use nodedev_types::{DeviceId, Diagnostic, Fields, Observation, Revision, SourceId};
use tokio::sync::watch;

use super::behaviour::{Held, Script};

/// How often each call has begun, over all source values of a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// Calls of `watch`.
    pub watch: usize,
    /// Calls of `snapshot`.
    pub snapshot: usize,
    /// Calls of `refresh`.
    pub refresh: usize,
    /// Calls of `inventory`.
    pub inventory: usize,
    /// Hints that have reached a watch; hints that came together count once.
    pub hints: usize,
    /// Watches that are held now.
    pub watching: usize,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) info: SourceInfo,
    pub(super) calls: watch::Sender<Calls>,
    /// Messages handed to watches.
    pub(super) said: Counter,
    pub(super) watches: Counter,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) streams: BTreeMap<SourceId, Stream>,
    pub(super) watches: BTreeMap<usize, Armed>,
    pub(super) next_watch: usize,
    pub(super) on_watch: Script,
    pub(super) on_snapshot: Script,
    pub(super) on_refresh: Script,
    pub(super) on_inventory: Script,
    pub(super) hold: Option<Held>,
    pub(super) losing: bool,
    pub(super) copies: usize,
    pub(super) resync_on_hint: bool,
    pub(super) vanishing: Vec<DeviceId>,
    pub(super) dynamic: BTreeMap<DeviceId, Fields>,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) backend: Option<String>,
    pub(super) said: Option<Counter>,
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) devices: BTreeMap<DeviceId, Fields>,
    pub(super) unreadable: BTreeMap<DeviceId, Diagnostic>,
    pub(super) error: Option<SourceError>,
}

/// A watch that is held, with the counter of the source value that was watched.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) sink: EventSink,
    pub(super) revisions: Arc<RevisionCounter>,
}

impl Shared {
    pub(super) fn new(info: SourceInfo) -> Self {
        let streams = info.streams.iter().map(|stream| (stream.id.clone(), Stream::default()));
        let state = State { streams: streams.collect(), copies: 1, ..State::default() };
        let said = Counter::total("sent", "messages handed to watches");
        let watches = Counter::level("watches", "watches that are held");
        let state = State { said: Some(said.clone()), ..state };
        let calls = watch::Sender::new(Calls::default());
        Self { info, calls, said, watches, state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Calls)) {
        self.calls.send_modify(add);
    }
}

impl State {
    /// Sends to every watch what `make` makes of that watch's next revision.
    pub(super) fn emit(&self, make: impl Fn(Revision) -> SourceEvent) {
        if self.losing {
            return;
        }
        for armed in self.watches.values() {
            for _ in 0..self.copies {
                armed.sink.send(make(armed.revisions.next()));
                self.said.iter().for_each(Counter::count);
            }
        }
    }

    /// Everything, as read now.
    pub(super) fn read(&mut self, revisions: &RevisionCounter, answers: Hint) -> Snapshot {
        let revision = revisions.next();
        let mut snapshot = Snapshot::new();
        snapshot.answers = answers;
        snapshot.backend.clone_from(&self.backend);
        snapshot.diagnostics.clone_from(&self.diagnostics);
        for (source, stream) in &self.streams {
            snapshot.diagnostics.extend(stream.unreadable.values().cloned());
            snapshot.listings.push(stream.list(source, revision));
        }
        let vanished = std::mem::take(&mut self.vanishing);
        vanished.iter().for_each(|device| self.withdraw_everywhere(device));
        snapshot
    }

    /// Which devices there are.
    pub(super) fn inventory(&self) -> Inventory {
        let readable = self.streams.iter().filter(|(_, stream)| stream.error.is_none());
        readable.fold(Inventory::new(), |inventory, (source, stream)| {
            let devices = stream.devices.keys().chain(stream.unreadable.keys());
            inventory.with_stream(source.clone(), devices.cloned())
        })
    }

    pub(super) fn withdraw_everywhere(&mut self, device: &DeviceId) {
        let sources: Vec<SourceId> = self.streams.keys().cloned().collect();
        sources.iter().for_each(|source| self.withdraw(source, device));
    }

    pub(super) fn withdraw(&mut self, source: &SourceId, device: &DeviceId) {
        let Some(stream) = self.streams.get_mut(source) else {
            return;
        };
        let unreadable = stream.unreadable.remove(device).is_some();
        if stream.devices.remove(device).is_some() || unreadable {
            self.emit(|revision| gone(source, device, revision));
        }
    }
}

impl Stream {
    fn list(&self, source: &SourceId, revision: Revision) -> Listing {
        if let Some(error) = &self.error {
            return Listing::failed(source.clone(), revision, error.clone());
        }
        let readable = self.devices.iter().filter(|(id, _)| !self.unreadable.contains_key(*id));
        let devices = readable.map(|(device, fields)| said(source, device, revision, fields));
        Listing::complete(source.clone(), revision, devices.collect())
            .with_unreadable(self.unreadable.keys().cloned().collect())
    }
}

pub(super) fn said(
    source: &SourceId,
    device: &DeviceId,
    revision: Revision,
    fields: &Fields,
) -> Observation {
    Observation { source: source.clone(), device: device.clone(), revision, fields: fields.clone() }
}

pub(super) fn gone(source: &SourceId, device: &DeviceId, revision: Revision) -> SourceEvent {
    SourceEvent::Gone { source: source.clone(), device: device.clone(), revision }
}
