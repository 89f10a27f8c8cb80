//! What becomes of a snapshot of a source: the only place where differences are computed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{Hint, Listing, Snapshot as Reading};
use nodedev_types::{DeviceId, Diagnostic, Observation, Presence, Revision, SourceId, fields};

use tokio::time::Instant;

use super::words::By;
use super::{SourceIndex, State};
use crate::status::SourceState;

impl State {
    pub(super) fn apply_reading(&mut self, source: SourceIndex, reading: Reading, now: Instant) {
        let entry = &mut self.sources[source];
        let took = entry.end_reading(now);
        entry.is_readable = true;
        entry.passed = true;
        // All listings of a snapshot are of one moment, or nearly.
        let revision = reading.listings.iter().map(|listing| listing.revision).max();
        let revision = revision.unwrap_or_default();
        let sound = sound_of(&reading.listings, &entry.fresh_subjects());
        let settled = entry.forget_reading(revision, |subject| sound.contains(subject));
        entry.backend = reading.backend;
        entry.answered = entry.answered.max(reading.answers);
        for diagnostic in reading.diagnostics {
            let settled = settled.get(&diagnostic.subject).copied();
            // Read again, or gone, after this was found.
            if settled.is_none_or(|settled| settled <= revision) {
                self.note(source, diagnostic);
            }
        }
        self.note_slowness(source, took);
        let mut left_out: BTreeSet<_> = self.stream_ids(source).into_iter().collect();
        for listing in reading.listings {
            left_out.remove(&listing.source);
            self.apply_listing(source, listing, reading.answers);
        }
        for stream in left_out {
            self.fail_listing(source, stream, "left out of the snapshot".to_owned());
        }
        self.sources[source].has_been_read = true;
        self.sources[source].settle_doubt();
        let state = self.state_after_reading(source);
        self.set_state(source, state);
        self.release_unawaited();
    }

    /// The first reading of a source is part of every start, and shows as such.
    fn note_slowness(&mut self, source: SourceIndex, took: Duration) {
        let entry = &self.sources[source];
        if entry.has_been_read && took >= self.config.slow {
            let text =
                format!("slow to be read: the last time took longer than {:?}", self.config.slow);
            let diagnostic = Diagnostic::warning(&entry.info.name, text);
            self.note(source, diagnostic);
        }
    }

    fn state_after_reading(&self, source: SourceIndex) -> SourceState {
        let failures = &self.sources[source].failures;
        let reasons = failures.iter().map(|(stream, why)| format!("{stream}: {why}"));
        let reasons: Vec<_> = reasons.collect();
        if reasons.is_empty() {
            SourceState::Running
        } else {
            SourceState::Degraded(reasons.join("; "))
        }
    }

    fn apply_listing(&mut self, source: SourceIndex, listing: Listing, answers: Hint) {
        let Listing { source: stream, revision, devices, unreadable, .. } = listing;
        if self.sources[source].info.stream(&stream).is_none() {
            let text = "listed, but none of the source's streams: ignored";
            self.note(source, Diagnostic::warning(stream.to_string(), text));
            return;
        }
        let devices = match devices {
            Ok(devices) => devices,
            Err(error) => return self.fail_listing(source, stream, error.full_message()),
        };
        self.sources[source].crowd.begin_listing(&stream);
        let mut unused: BTreeSet<_> = unreadable.iter().cloned().collect();
        let mut named = unused.clone();
        for observation in devices {
            named.insert(observation.device.clone());
            unused.extend(self.take_listed(source, &stream, observation, answers));
        }
        self.withdraw_all_but(source, &stream, &named, revision);
        while unused.len() > self.config.source_devices {
            // As if it had gone: only words that are older than this listing are not believed.
            unused.pop_last();
        }
        let reason: Arc<str> = "could not be read by the last enumeration".into();
        for device in &unreadable {
            self.mark_stale(&stream, device, revision, &reason);
        }
        self.claims.listed(&stream, revision, unused);
    }

    /// What the stream said stays, marked stale.
    fn fail_listing(&mut self, source: SourceIndex, stream: SourceId, reason: String) {
        self.claims.mark_all_stale(&stream, &reason.as_str().into());
        self.sources[source].failures.insert(stream, reason);
    }

    /// Returns the device if it is there and nothing was learnt of it.
    fn take_listed(
        &mut self,
        source: SourceIndex,
        stream: &SourceId,
        observation: Observation,
        answers: Hint,
    ) -> Option<DeviceId> {
        if observation.source != *stream {
            let text = format!("`{}` in the listing of `{stream}`: ignored", observation.source);
            let diagnostic = Diagnostic::warning(observation.device.to_string(), text);
            self.note(source, diagnostic);
            return Some(observation.device);
        }
        let presence = self.policy.stream(stream).map(|stream| stream.presence);
        let is_live = presence == Some(Presence::Nothing);
        if is_live && !self.is_of_this_life(source, &observation.device, answers) {
            return Some(observation.device);
        }
        self.observe(source, observation, By::Listing);
        None
    }

    fn withdraw_all_but(
        &mut self,
        source: SourceIndex,
        stream: &SourceId,
        named: &BTreeSet<DeviceId>,
        revision: Revision,
    ) {
        let is_older = |device: &DeviceId| {
            let said = self.claims.said(stream, device);
            said.is_some_and(|said| said.revision < revision)
        };
        let missing: Vec<_> = self
            .claims
            .devices_of(stream)
            .filter(|device| !named.contains(*device) && is_older(device))
            .cloned()
            .collect();
        for device in missing {
            self.withdraw(source, stream, &device, revision);
        }
    }
}

/// Those of the subjects that are listed devices, by their ids or by the paths where they lie.
fn sound_of(listings: &[Listing], subjects: &BTreeSet<&str>) -> BTreeSet<String> {
    if subjects.is_empty() {
        return BTreeSet::new();
    }
    let observations =
        listings.iter().filter_map(|listing| listing.devices.as_ref().ok()).flatten();
    let names = observations.flat_map(|observation| {
        let path = observation.fields.get(fields::device::PATH);
        [Some(observation.device.to_string()), path.map(str::to_owned)]
    });
    names.flatten().filter(|name| subjects.contains(name.as_str())).collect()
}
