//! The registry's own types as messages.

use std::time::SystemTime;

use nodedev_merge::{Explained, LostClaim as Lost};
use nodedev_registry::{self as registry, ClaimInfo, SourceStatus, StreamStatus};

use crate::message::{
    Claim, Explanation, FieldExplanation, LostClaim, Source, SourceState, Stream,
};

impl From<&SourceStatus> for Source {
    fn from(status: &SourceStatus) -> Self {
        Self {
            name: status.name.clone(),
            version: status.version.clone(),
            backend: status.backend.clone(),
            state: (&status.state).into(),
            streams: status.streams.iter().map(Stream::from).collect(),
            last_change: status.last_change.and_then(unix_time),
            events: status.events,
            resyncs: status.resyncs,
            restarts: status.restarts,
            diagnostics: status.diagnostics.clone(),
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
