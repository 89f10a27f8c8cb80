//! The registry's own types as messages.

use std::time::SystemTime;

use nodedev_merge::{Explained, LostClaim as Lost};
use nodedev_registry::{self as registry, ClaimInfo, SourceStatus, StreamStatus, Totals};

use crate::message::{
    Claim, Count, Explanation, FieldExplanation, LostClaim, Registry, Source, SourceState, Stale,
    Stream,
};

impl From<&SourceStatus> for Source {
    fn from(status: &SourceStatus) -> Self {
        Self {
            name: status.name.clone(),
            version: status.version.clone(),
            backend: status.backend.clone(),
            state: (&status.state).into(),
            stale: status.stale.as_ref().map(Stale::from),
            streams: status.streams.iter().map(Stream::from).collect(),
            last_change: status.last_change.and_then(unix_time),
            events: status.events,
            dropped: status.dropped,
            resyncs: status.resyncs,
            reasons: status.reasons.iter().map(|(why, count)| Count::new(why, *count)).collect(),
            snapshots: status.snapshots,
            failures: status.failures,
            restarts: status.restarts,
            checks: status.checks,
            drifts: status.drifts,
            counts: status.counts.iter().map(|own| Count::new(own.name, own.value)).collect(),
            diagnostics: status.diagnostics.clone(),
        }
    }
}

impl From<&registry::Stale> for Stale {
    fn from(stale: &registry::Stale) -> Self {
        Self { since: unix_time(stale.since), reason: stale.reason.clone() }
    }
}

impl From<&registry::Registry> for Registry {
    fn from(registry: &registry::Registry) -> Self {
        let snapshot = registry.snapshot();
        let totals = registry.totals();
        let Totals { created, deleted, defined, undefined, updated, .. } = totals;
        let events = [
            ("created", created),
            ("deleted", deleted),
            ("defined", defined),
            ("undefined", undefined),
            ("updated", updated),
        ];
        Self {
            generation: snapshot.generation(),
            devices: snapshot.len(),
            messages: totals.messages,
            waiting: registry.queues().iter().map(|queue| queue.waiting).sum(),
            events: events.map(|(kind, count)| Count::new(kind, count)).to_vec(),
            missed: totals.missed,
        }
    }
}

impl From<&registry::SourceState> for SourceState {
    fn from(state: &registry::SourceState) -> Self {
        match state {
            registry::SourceState::Running => Self::Running,
            registry::SourceState::Degraded(reason) => Self::Degraded(reason.clone()),
            _ => Self::Starting,
        }
    }
}

impl From<&StreamStatus> for Stream {
    fn from(status: &StreamStatus) -> Self {
        Self {
            id: status.id.clone(),
            presence: status.presence,
            devices: status.devices,
            stale: status.stale,
            failure: status.failure.clone(),
        }
    }
}

impl From<registry::Explanation> for Explanation {
    fn from(explanation: registry::Explanation) -> Self {
        Self {
            device: explanation.device,
            claims: explanation.claims.into_iter().map(Claim::from).collect(),
            fields: explanation.fields.into_iter().map(FieldExplanation::from).collect(),
            diagnostics: explanation.diagnostics,
        }
    }
}

impl From<ClaimInfo> for Claim {
    fn from(claim: ClaimInfo) -> Self {
        let ClaimInfo { source, revision, said, stale } = claim;
        Self { source, revision, said: said.and_then(unix_time), stale }
    }
}

impl From<Explained> for FieldExplanation {
    fn from(explained: Explained) -> Self {
        let Explained { field, value, origin, lost, why } = explained;
        let lost = lost.into_iter().map(|Lost { source, value }| LostClaim { source, value });
        Self { field, value, origin, lost: lost.collect(), why }
    }
}

/// Seconds since 1970; a clock before that has none.
fn unix_time(time: SystemTime) -> Option<f64> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs_f64())
}
