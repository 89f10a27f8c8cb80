//! What becomes of one word of a source: taken in, refused with a diagnostic, or too old.

use std::sync::Arc;
use std::time::SystemTime;

use nodedev_source::SourceEvent;
use nodedev_types::{DeviceId, Diagnostic, Observation, Presence, Revision, SourceId};

use super::{SourceIndex, State};
use crate::claims::{Claims, Effect, Said};

/// How a word came: it decides what it says about the words before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The device was read for itself.
    Event,
    /// It was read among all others; events in between may have been lost.
    Listing,
}

impl State {
    pub(super) fn apply_event(&mut self, source: SourceIndex, event: SourceEvent) {
        match event {
            SourceEvent::Observed(observation) => self.observe(source, observation, By::Event),
            SourceEvent::Gone { source: stream, device, revision } => {
                self.withdraw(source, &stream, &device, revision)
            }
            SourceEvent::Unreadable { source: stream, device, revision, diagnostic } => {
                self.unreadable(source, &stream, &device, revision, diagnostic)
            }
            SourceEvent::Batch(events) => {
                for event in events {
                    self.apply_event(source, event);
                }
            }
            SourceEvent::Diagnostic(diagnostic) => self.note(source, diagnostic),
            // The supervisor takes the snapshot.
            _ => {}
        }
    }

    pub(super) fn observe(&mut self, source: SourceIndex, mut observation: Observation, by: By) {
        let Some(presence) = self.declared(source, &observation.source, &observation.device) else {
            return;
        };
        let refused = self.strip_undeclared(source, &mut observation);
        let Observation { source: stream, device, revision, mut fields } = observation;
        fields.shrink_to_fit();
        let before = self.capabilities_said(&stream, &device);
        let fields = Arc::new(fields);
        let said = Said {
            source: stream.clone(),
            fields: Arc::clone(&fields),
            revision,
            at: SystemTime::now(),
            stale: None,
            stale_since: Revision::default(),
        };
        let (streams, bound) = (&self.sources[source].info.streams, self.config.source_devices);
        let has_room = |claims: &Claims| claims.count_of(streams) < bound;
        let effect = self.claims.observe(&device, said, has_room);
        match effect {
            Effect::Ignored => return,
            Effect::LeftOut => return self.leave_out(source, &stream, &device),
            Effect::Added => self.no_longer_left_out(source, &stream, &device),
            _ => {}
        }
        if by == By::Event {
            self.sources[source].forget_diagnostics(
                &device,
                Some(&fields),
                revision,
                self.config.departures,
            );
        }
        for diagnostic in refused {
            self.note(source, diagnostic);
        }
        if matches!(effect, Effect::Added | Effect::Changed) {
            let after = self.capabilities_said(&stream, &device);
            self.tell(source, before.into_iter().chain(after));
            self.touch(source, &device);
        }
        if presence == Presence::Active {
            self.follow_life(source, &device, effect, by);
        }
    }

    pub(super) fn withdraw(
        &mut self,
        source: SourceIndex,
        stream: &SourceId,
        device: &DeviceId,
        revision: Revision,
    ) {
        let Some(presence) = self.declared(source, stream, device) else {
            return;
        };
        let capabilities = self.capabilities_said(stream, device);
        let fields = self.claims.said(stream, device).map(|said| Arc::clone(&said.fields));
        let bound = self.config.departures;
        match self.claims.withdraw(stream, device, revision) {
            Effect::Withdrawn => {}
            Effect::Same => {
                self.sources[source].forget_diagnostics(device, None, revision, bound);
                return self.no_longer_left_out(source, stream, device);
            }
            _ => return,
        }
        self.tell_of_departure(source, capabilities);
        self.touch(source, device);
        if presence != Presence::Nothing {
            self.gone.insert(device.clone());
        }
        if presence == Presence::Active {
            self.end_life(device);
        }
        self.sources[source].forget_diagnostics(device, fields.as_deref(), revision, bound);
    }

    fn unreadable(
        &mut self,
        source: SourceIndex,
        stream: &SourceId,
        device: &DeviceId,
        revision: Revision,
        diagnostic: Diagnostic,
    ) {
        if self.declared(source, stream, device).is_some() {
            let reason: Arc<str> = diagnostic.to_string().into();
            self.mark_stale(stream, device, revision, &reason);
            self.note_at(source, diagnostic, Some(revision));
        }
    }

    /// What was said of the device before that revision may be out of date.
    pub(super) fn mark_stale(
        &mut self,
        stream: &SourceId,
        device: &DeviceId,
        revision: Revision,
        reason: &Arc<str>,
    ) {
        let said = self.claims.said(stream, device);
        if said.is_some_and(|said| said.revision <= revision) {
            self.claims.mark_stale(stream, device, revision, reason);
        }
    }

    /// What it asserts that this source speaks of the device in this stream, if it may at all.
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

    fn strip_undeclared(
        &self,
        source: SourceIndex,
        observation: &mut Observation,
    ) -> Vec<Diagnostic> {
        let mut refused = Vec::new();
        let Some(stream) = self.sources[source].info.stream(&observation.source) else {
            return refused;
        };
        while let Some(field) = stream.fields.first_outside(&observation.fields).cloned() {
            observation.fields.remove(&field);
            let text = format!("`{}` does not own this field: ignored", observation.source);
            let diagnostic = Diagnostic::warning(observation.device.to_string(), text);
            refused.push(diagnostic.with_attribute(field.to_string()));
        }
        refused
    }

    pub(super) fn note(&mut self, source: SourceIndex, diagnostic: Diagnostic) {
        self.note_at(source, diagnostic, None);
    }

    fn note_at(&mut self, source: SourceIndex, diagnostic: Diagnostic, found: Option<Revision>) {
        let limit = self.config.diagnostics;
        self.sources[source].note(diagnostic, found, limit);
    }

    fn touch(&mut self, source: SourceIndex, device: &DeviceId) {
        self.sources[source].last_change = Some(SystemTime::now());
        self.touched.insert(device.clone());
    }
}
