//! The handle by which a test changes a scripted host.

use std::sync::Arc;

use nodedev_source::{SourceError, SourceEvent, SourceInfo};
use nodedev_types::{DeviceId, Diagnostic, Fields, Revision, SourceId};

use super::ScriptedSource;
use super::behaviour::{Behaviour, Hold};
use super::state::{Calls, Shared, gone, said};

/// A host that consists of what it is told. Clones are the same host.
///
/// Every change reaches every held watch at once, as one event with the next revision of the source
/// value that is watched. Methods without a stream mean the first one declared. Unknown streams
/// are made, so that a test can speak for a stream that was never declared.
#[derive(Debug, Clone)]
pub struct ScriptedHost(Arc<Shared>);

impl ScriptedHost {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Another source value over this host, as after a restart.
    #[must_use]
    pub fn source(&self) -> Arc<ScriptedSource> {
        Arc::new(ScriptedSource::over(Arc::clone(&self.0)))
    }

    /// What the sources declare.
    #[must_use]
    pub fn info(&self) -> &SourceInfo {
        &self.0.info
    }

    // Devices.

    /// A device appears, or what is said of it changes.
    pub fn set(&self, device: &DeviceId, fields: Fields) {
        self.set_on(&self.first(), device, fields);
    }

    /// The same on a stream.
    pub fn set_on(&self, stream: &SourceId, device: &DeviceId, fields: Fields) {
        let mut state = self.0.state();
        let entry = state.streams.entry(stream.clone()).or_default();
        entry.unreadable.remove(device);
        entry.devices.insert(device.clone(), fields.clone());
        state.emit(|revision| SourceEvent::Observed(said(stream, device, revision, &fields)));
    }

    /// A device goes. Nothing happens where it is not there.
    pub fn remove(&self, device: &DeviceId) {
        self.remove_on(&self.first(), device);
    }

    /// The same on a stream.
    pub fn remove_on(&self, stream: &SourceId, device: &DeviceId) {
        self.0.state().withdraw(stream, device);
    }

    /// A device gets another identity and keeps its fields: one batch.
    pub fn rename(&self, old: &DeviceId, new: &DeviceId) {
        self.rename_on(&self.first(), old, new);
    }

    /// The same on a stream.
    pub fn rename_on(&self, stream: &SourceId, old: &DeviceId, new: &DeviceId) {
        let mut state = self.0.state();
        let entry = state.streams.entry(stream.clone()).or_default();
        let Some(fields) = entry.devices.remove(old) else {
            return;
        };
        entry.devices.insert(new.clone(), fields.clone());
        state.emit(|revision| {
            SourceEvent::Batch(vec![
                gone(stream, old, revision),
                SourceEvent::Observed(said(stream, new, revision, &fields)),
            ])
        });
    }

    /// All devices of all streams go.
    pub fn clear(&self) {
        let mut state = self.0.state();
        let devices: Vec<DeviceId> = state
            .streams
            .values()
            .flat_map(|stream| stream.devices.keys().chain(stream.unreadable.keys()))
            .cloned()
            .collect();
        devices.iter().for_each(|device| state.withdraw_everywhere(device));
    }

    /// What the first stream would say of a device now.
    #[must_use]
    pub fn fields(&self, device: &DeviceId) -> Option<Fields> {
        let state = self.0.state();
        state.streams.get(&self.first())?.devices.get(device).cloned()
    }

    /// A device can no longer be read, until it is set again.
    pub fn unreadable(&self, device: &DeviceId, diagnostic: Diagnostic) {
        self.unreadable_on(&self.first(), device, diagnostic);
    }

    /// The same on a stream.
    pub fn unreadable_on(&self, stream: &SourceId, device: &DeviceId, diagnostic: Diagnostic) {
        let mut state = self.0.state();
        let entry = state.streams.entry(stream.clone()).or_default();
        entry.unreadable.insert(device.clone(), diagnostic.clone());
        state.emit(|revision| SourceEvent::Unreadable {
            source: stream.clone(),
            device: device.clone(),
            revision,
            diagnostic: diagnostic.clone(),
        });
    }

    /// What `refresh` finds in a device's fields that are read on dump, without any event. `None`:
    /// what is stored.
    pub fn set_dynamic(&self, device: &DeviceId, fields: Option<Fields>) {
        let mut state = self.0.state();
        match fields {
            Some(fields) => state.dynamic.insert(device.clone(), fields),
            None => state.dynamic.remove(device),
        };
    }

    /// The device is read by the next snapshot and goes right after.
    pub fn vanish_after_read(&self, device: &DeviceId) {
        self.0.state().vanishing.push(device.clone());
    }

    // Messages.

    /// Sends a message of any kind to every watch, made from its next revision.
    pub fn say(&self, make: impl Fn(Revision) -> SourceEvent) {
        self.0.state().emit(make);
    }

    /// Says again what there is to say of a device on every stream: it is there, or it has gone.
    pub fn repeat(&self, device: &DeviceId) {
        let state = self.0.state();
        for (source, stream) in &state.streams {
            match stream.devices.get(device) {
                Some(fields) => {
                    state.emit(|r| SourceEvent::Observed(said(source, device, r, fields)));
                }
                None => state.emit(|r| gone(source, device, r)),
            }
        }
    }

    /// Repeats a device many times.
    pub fn flood(&self, device: &DeviceId, times: usize) {
        (0..times).for_each(|_| self.repeat(device));
    }

    /// Says that messages may have been lost.
    pub fn resync(&self, reason: &str) {
        self.say(|_| SourceEvent::Resync { reason: reason.to_owned() });
    }

    /// From now on changes happen in silence, or no longer do.
    pub fn lose_events(&self, losing: bool) {
        self.0.state().losing = losing;
    }

    /// From now on every message is sent that many times, each with its own revision.
    pub fn send_copies(&self, copies: usize) {
        self.0.state().copies = copies;
    }

    /// Every watch's sink is dropped while the watch is held: the source has died.
    pub fn die(&self) {
        self.0.state().watches.clear();
    }

    // Calls.

    /// How `watch` turns out from now on.
    pub fn on_watch(&self, behaviour: Behaviour) {
        self.0.state().on_watch.standing = behaviour;
    }

    /// How `snapshot` turns out from now on.
    pub fn on_snapshot(&self, behaviour: Behaviour) {
        self.0.state().on_snapshot.standing = behaviour;
    }

    /// How `refresh` turns out from now on.
    pub fn on_refresh(&self, behaviour: Behaviour) {
        self.0.state().on_refresh.standing = behaviour;
    }

    /// How `inventory` turns out from now on.
    pub fn on_inventory(&self, behaviour: Behaviour) {
        self.0.state().on_inventory.standing = behaviour;
    }

    /// How one further call of `watch` turns out, after those queued before.
    pub fn next_watch(&self, behaviour: Behaviour) {
        self.0.state().on_watch.next.push_back(behaviour);
    }

    /// How one further call of `snapshot` turns out, after those queued before.
    pub fn next_snapshot(&self, behaviour: Behaviour) {
        self.0.state().on_snapshot.next.push_back(behaviour);
    }

    /// How one further call of `refresh` turns out, after those queued before.
    pub fn next_refresh(&self, behaviour: Behaviour) {
        self.0.state().on_refresh.next.push_back(behaviour);
    }

    /// The listing of one stream fails beside the others, or no longer does.
    pub fn fail_stream(&self, stream: &SourceId, error: Option<SourceError>) {
        self.0.state().streams.entry(stream.clone()).or_default().error = error;
    }

    /// Holds back every snapshot that begins from now on, with what it has read.
    #[must_use]
    pub fn hold_snapshots(&self) -> Hold {
        let (hold, held) = Hold::new();
        self.0.state().hold = Some(held);
        hold
    }

    /// The diagnostics that every snapshot carries from now on.
    pub fn set_diagnostics(&self, diagnostics: Vec<Diagnostic>) {
        self.0.state().diagnostics = diagnostics;
    }

    /// What every snapshot calls its backend from now on.
    pub fn set_backend(&self, backend: Option<&str>) {
        self.0.state().backend = backend.map(str::to_owned);
    }

    /// Whether a hint makes the source ask for a snapshot.
    pub fn resync_on_hint(&self, answer: bool) {
        self.0.state().resync_on_hint = answer;
    }

    /// What has been called so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        *self.0.calls.borrow()
    }

    /// Waits until the calls are as wanted, and says what they are.
    pub async fn until(&self, wanted: impl FnMut(&Calls) -> bool) -> Calls {
        let mut calls = self.0.calls.subscribe();
        let mut wanted = wanted;
        // The sender lives as long as self.
        calls.wait_for(|calls| wanted(calls)).await.map_or_else(|_| self.calls(), |calls| *calls)
    }

    fn first(&self) -> SourceId {
        match self.0.info.streams.first() {
            Some(stream) => stream.id.clone(),
            None => SourceId::new(&self.0.info.name),
        }
    }
}
