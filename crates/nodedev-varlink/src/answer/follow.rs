//! The replies of one `Watch`: where it begins, then what happens.
//!
//! Holds at most what the registry's own bounded queue holds; whoever does not ask for the next
//! reply in time is told that he missed something.

use std::sync::Arc;

use nodedev_registry::{Batch, NextError, Registry, Snapshot, SourceStatus, Subscription};
use tokio::sync::watch;

use super::instance;
use crate::message::{Change, Since, Source, WatchReply};

/// How many changes go into one reply, so that no reply grows with the host.
const CHANGES: usize = 256;

/// One follower of a registry.
#[derive(Debug)]
pub struct Follower {
    registry: Registry,
    instance: String,
    events: Subscription,
    states: watch::Receiver<Arc<Snapshot>>,
    /// The last snapshot whose sources have been told.
    told: Arc<Snapshot>,
    /// The generation that the follower's list is of.
    generation: u64,
    first: Option<WatchReply>,
    /// A batch that has been told up to this change.
    rest: Option<(Arc<Batch>, usize)>,
}

impl Follower {
    /// Follows from now on, and compares with what the follower has.
    #[must_use]
    pub fn new(registry: &Registry, since: &Since) -> Self {
        let states = registry.changes();
        let (snapshot, events) = registry.subscribe();
        let (instance, generation) = (instance(registry), snapshot.generation());
        let is_same = since.since == Some(generation) && since.instance.as_ref() == Some(&instance);
        let first = WatchReply {
            instance: instance.clone(),
            generation,
            missed: *since != Since::default() && !is_same,
            partial: false,
            changes: Vec::new(),
            sources: with_counts(snapshot.sources(), &registry.sources()),
        };
        Self {
            registry: registry.clone(),
            instance,
            events,
            states,
            told: snapshot,
            generation,
            first: Some(first),
            rest: None,
        }
    }

    /// Waits for the next reply; the first is there at once. `None` when the registry has ended. The
    /// future may be dropped without losing a reply.
    pub async fn next(&mut self) -> Option<WatchReply> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if let Some((batch, from)) = self.rest.take() {
            return Some(self.part(batch, from));
        }
        loop {
            tokio::select! {
                next = self.events.next() => return match next {
                    Ok(batch) => Some(self.part(batch, 0)),
                    Err(NextError::Missed(missed)) => Some(self.missed(&missed.snapshot)),
                    Err(NextError::Closed) => None,
                },
                Ok(()) = self.states.changed() => {
                    let sources = self.changed_sources();
                    if !sources.is_empty() {
                        return Some(WatchReply { sources, ..self.reply() });
                    }
                }
            }
        }
    }

    /// As many changes as go into one reply.
    fn part(&mut self, batch: Arc<Batch>, from: usize) -> WatchReply {
        let to = batch.changes.len().min(from + CHANGES);
        let snapshot = &batch.snapshot;
        self.generation = snapshot.generation();
        let changes = batch.changes[from..to].iter().map(|change| Change {
            kind: change.kind,
            name: change.name.clone(),
            id: change.id.clone(),
            device: snapshot
                .device(change.name.as_str())
                .filter(|device| device.id == change.id)
                .map(|device| (**device).clone()),
        });
        let partial = to < batch.changes.len();
        let reply = WatchReply { partial, changes: changes.collect(), ..self.reply() };
        self.rest = partial.then_some((batch, to));
        reply
    }

    fn missed(&mut self, snapshot: &Snapshot) -> WatchReply {
        self.generation = snapshot.generation();
        WatchReply { missed: true, sources: self.changed_sources(), ..self.reply() }
    }

    fn reply(&self) -> WatchReply {
        WatchReply {
            instance: self.instance.clone(),
            generation: self.generation,
            missed: false,
            partial: false,
            changes: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Sources that have become better or worse since they were told.
    fn changed_sources(&mut self) -> Vec<Source> {
        let now = Arc::clone(&self.states.borrow_and_update());
        let sources = news(self.told.sources(), now.sources(), || self.registry.sources());
        self.told = now;
        sources
    }
}

/// The sources that are better or worse now than was told. They are told as they are in that list and not as
/// the registry has them by then, or the next difference would be one to what nobody was told.
fn news(
    told: &[SourceStatus],
    now: &[SourceStatus],
    counted: impl FnOnce() -> Vec<SourceStatus>,
) -> Vec<Source> {
    let is_told = |source: &&SourceStatus| {
        told.iter().any(|before| before.name == source.name && is_same(before, source))
    };
    let changed: Vec<_> = now.iter().filter(|source| !is_told(source)).collect();
    if changed.is_empty() {
        return Vec::new();
    }
    with_counts(changed, &counted())
}

/// What a source counts itself is in no list, and is taken from there.
fn with_counts<'a>(
    sources: impl IntoIterator<Item = &'a SourceStatus>,
    counted: &[SourceStatus],
) -> Vec<Source> {
    let with_counts = |source: &SourceStatus| {
        let counted = counted.iter().find(|counted| counted.name == source.name);
        let counts = counted.map(|counted| counted.counts.clone()).unwrap_or_default();
        Source::from(&SourceStatus { counts, ..source.clone() })
    };
    sources.into_iter().map(with_counts).collect()
}

/// Whether there is nothing to tell. That a source is stale is not told by itself: with mdevctl each
/// hint makes it so for a moment, and what does not heal becomes a state.
fn is_same(before: &SourceStatus, now: &SourceStatus) -> bool {
    before.state == now.state && before.diagnostics == now.diagnostics
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nodedev_registry::{Durations, SourceState};

    use super::*;

    fn status(name: &str, state: SourceState) -> SourceStatus {
        SourceStatus {
            name: name.to_owned(),
            version: "1".to_owned(),
            backend: None,
            state,
            stale: None,
            streams: Vec::new(),
            last_change: None,
            events: 0,
            dropped: 0,
            resyncs: 0,
            coalesced: 0,
            coalesced_hints: 0,
            reasons: BTreeMap::new(),
            snapshots: 0,
            snapshot_durations: Durations::default(),
            failures: 0,
            restarts: 0,
            checks: 0,
            drifts: 0,
            counts: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    #[test]
    fn what_is_told_of_a_source_is_what_is_compared_with_later() {
        let degraded = || SourceState::Degraded("for a moment".to_owned());
        let told = [status("one", SourceState::Starting), status("two", SourceState::Running)];
        let now = [status("one", SourceState::Running), status("two", SourceState::Running)];
        // The registry is further already, and may be back at `now` before anybody looks again.
        let further = || vec![status("one", degraded()), status("two", degraded())];
        assert_eq!(news(&told, &now, further), [Source::from(&now[0])]);
        assert_eq!(news(&now, &now, || panic!("there is no news")), []);
        assert_eq!(with_counts(&now, &further()), now.each_ref().map(Source::from));
    }
}
