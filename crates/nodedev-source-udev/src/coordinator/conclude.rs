//! What is said after a device has been read. No I/O.

use std::time::Instant;

use nodedev_source::SourceEvent;
use nodedev_types::{Diagnostic, Observation, Revision, Severity};

use super::{Coordinator, SECOND_CHANCE};
use crate::reader::Outcome;

impl Coordinator {
    /// What there is to say after a reading.
    pub(super) fn conclude(
        &mut self,
        path: &str,
        revision: Revision,
        outcome: Outcome,
    ) -> Result<Vec<SourceEvent>, Diagnostic> {
        if !matches!(outcome, Outcome::NotYet { .. } | Outcome::Held { .. }) {
            self.retries.forget(path);
        }
        Ok(match outcome {
            Outcome::Observed { id, fields, diagnostics } => {
                let other = self.memory().say(path, id.clone(), revision);
                let mut said: Vec<_> =
                    other.map(|id| self.gone(id, revision)).into_iter().collect();
                said.push(SourceEvent::Observed(Observation {
                    source: self.source.clone(),
                    device: id,
                    revision,
                    fields,
                }));
                said.extend(diagnostics.into_iter().map(SourceEvent::Diagnostic));
                said
            }
            Outcome::NotADevice | Outcome::Vanished => {
                let said = self.memory().withdraw(path, revision);
                said.map(|id| self.gone(id, revision)).into_iter().collect()
            }
            Outcome::NotYet { diagnostic, .. } => {
                if self.retries.again(path, Instant::now()) {
                    return Ok(Vec::new());
                }
                vec![self.unreadable(path, revision, diagnostic)]
            }
            Outcome::Held { diagnostic, .. } => {
                if self.retries.again(path, Instant::now()) {
                    return Ok(Vec::new());
                }
                self.retries.recheck_once(path, Instant::now() + SECOND_CHANCE);
                vec![self.unreadable(path, revision, diagnostic)]
            }
            Outcome::Unreadable { id, diagnostic, diagnostics } => {
                if id.is_none() {
                    self.retries.recheck_once(path, Instant::now() + SECOND_CHANCE);
                }
                let mut said = vec![self.unreadable(path, revision, diagnostic)];
                said.extend(diagnostics.into_iter().map(SourceEvent::Diagnostic));
                said
            }
            Outcome::NoReader(lost) => {
                let failure = Diagnostic::warning("readers", lost.to_string());
                return Err(failure.with_severity(Severity::Error));
            }
        })
    }

    fn unreadable(&self, path: &str, revision: Revision, diagnostic: Diagnostic) -> SourceEvent {
        let mut memory = self.memory();
        memory.fail(path, revision);
        match memory.said(path) {
            Some(said) => SourceEvent::Unreadable {
                source: self.source.clone(),
                device: said.id.clone(),
                revision,
                diagnostic,
            },
            None => SourceEvent::Diagnostic(diagnostic),
        }
    }
}
