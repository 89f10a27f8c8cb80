//! Hints between sources, the lives of mediated devices, and announcements that wait for an answer.
//!
//! A mediated device lives from its appearance in a stream that asserts it to be active until it
//! leaves there. What another source says of the running device is of that life only if it was read
//! after the hint that the appearance raised.

use nodedev_source::Hint;
use nodedev_types::fields::{device, mdev_types};
use nodedev_types::{Capability, DeviceId, SourceId};
use tokio::time::Instant;

use super::source::Source;
use super::words::By;
use super::{SourceIndex, State};
use crate::claims::{Effect, Said};

impl State {
    /// Keeps in mind that the source had news of devices with these capabilities.
    pub(super) fn tell(
        &mut self,
        source: SourceIndex,
        capabilities: impl Iterator<Item = Capability>,
    ) {
        for capability in capabilities {
            if !self.news.contains(&(source, capability)) {
                self.news.push((source, capability));
            }
        }
    }

    pub(super) fn tell_of_departure(&mut self, source: SourceIndex, capabilities: Vec<Capability>) {
        // No listing is needed to know that a mediated device has stopped.
        let others = |capability: &Capability| *capability != Capability::Mdev;
        self.tell(source, capabilities.into_iter().filter(others));
    }

    /// The capabilities that others can have an interest in, as one stream shows them.
    pub(super) fn capabilities_said(
        &self,
        stream: &SourceId,
        device: &DeviceId,
    ) -> Vec<Capability> {
        self.claims.said(stream, device).map_or_else(Vec::new, |said| capabilities(device, said))
    }

    /// An active device was observed: it may have appeared, or be another than before.
    pub(super) fn follow_life(
        &mut self,
        source: SourceIndex,
        device: &DeviceId,
        effect: Effect,
        by: By,
    ) {
        if !is_mdev(device) {
            return;
        }
        let entry = &self.sources[source];
        if effect == Effect::Added {
            self.appeared.insert(device.clone());
        } else if by == By::Listing && entry.has_been_read && entry.info.interests.is_empty() {
            // It may have stopped and started again while nobody saw it.
            self.tell(source, std::iter::once(Capability::Mdev));
        }
    }

    /// The device stops: what was said of its running is not inherited by a later namesake.
    pub(super) fn end_life(&mut self, device: &DeviceId) {
        if !is_mdev(device) {
            return;
        }
        self.held.remove(device);
        self.lives.remove(device);
        self.appeared.remove(device);
        for source in &self.sources {
            if source.info.interests.contains(&Capability::Mdev) {
                for stream in source.live_streams() {
                    self.claims.forget(stream, device);
                }
            }
        }
    }

    /// Whether a listing was begun after the device had appeared, so that it means this one and not
    /// an earlier namesake.
    pub(super) fn is_of_this_life(
        &self,
        source: SourceIndex,
        device: &DeviceId,
        answers: Hint,
    ) -> bool {
        let begun = self.lives.get(device).and_then(|life| life.get(&source));
        begun.is_none_or(|begun| answers >= *begun)
    }

    /// Tells the sources that care for such devices to look again.
    pub(crate) fn look_again(&mut self, capability: Capability) -> Vec<(SourceIndex, Hint)> {
        let sources = self.sources.iter_mut().enumerate();
        let cares = |source: &Source| source.info.interests.contains(&capability);
        let asked = sources.filter(|(_, source)| cares(source));
        asked.map(|(index, source)| (index, source.raise_hint())).collect()
    }

    /// Tells each source that has an interest in what others had news of, once.
    pub(super) fn raise_hints(&mut self, now: Instant) {
        let news = std::mem::take(&mut self.news);
        let appeared = std::mem::take(&mut self.appeared);
        for index in 0..self.sources.len() {
            let source = &mut self.sources[index];
            if !source.cares_for(index, &news) {
                continue;
            }
            let hint = source.raise_hint();
            if source.info.interests.contains(&Capability::Mdev) {
                for device in &appeared {
                    self.begin_life(index, device, hint, now);
                }
            }
        }
    }

    /// What this source said before of a device so called was of another, or of none.
    fn begin_life(&mut self, source: SourceIndex, device: &DeviceId, hint: Hint, now: Instant) {
        let life = self.lives.entry(device.clone()).or_default();
        life.insert(source, hint);
        let source = &self.sources[source];
        for stream in source.live_streams() {
            self.claims.forget(stream, device);
        }
        if self.ready && source.can_answer() {
            let until = now + self.config.complete;
            self.held.entry(device.clone()).or_insert(until);
        }
    }

    /// Lets go of what waits for no source any more.
    pub(super) fn release_unawaited(&mut self) {
        let is_awaited = |(index, hint): (&SourceIndex, &Hint)| {
            let source = &self.sources[*index];
            *hint > source.answered && source.can_answer()
        };
        let mut released = Vec::new();
        for device in self.held.keys() {
            let life = self.lives.get(device);
            if !life.is_some_and(|life| life.iter().any(is_awaited)) {
                released.push(device.clone());
            }
        }
        self.release(released);
    }

    /// Gives up waiting for what the devices that are due still lack.
    pub(crate) fn release_due(&mut self, now: Instant) {
        let due = self.held.iter().filter(|(_, until)| **until <= now);
        let due = due.map(|(device, _)| device.clone()).collect();
        self.release(due);
    }

    fn release(&mut self, devices: Vec<DeviceId>) {
        for device in devices {
            self.held.remove(&device);
            self.touched.insert(device);
        }
    }

    /// When [`State::release_due`] has something to do next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.held.values().min().copied()
    }
}

const fn is_mdev(device: &DeviceId) -> bool {
    matches!(device, DeviceId::Mdev { .. })
}

fn capabilities(id: &DeviceId, said: &Said) -> Vec<Capability> {
    let fields = &said.fields;
    let types = fields.get(mdev_types::TYPES).is_some_and(|types| !types.is_empty());
    let mut all: Vec<_> = fields.get(device::CAPABILITY).into_iter().collect();
    all.extend(types.then_some(Capability::MdevTypes));
    all.extend(is_mdev(id).then_some(Capability::Mdev));
    all
}
