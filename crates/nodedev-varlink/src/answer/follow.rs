//! The replies of one `Watch`: where it begins, then what happens.
//!
//! Holds at most what the registry's own bounded queue holds; whoever does not ask for the next
//! reply in time is told that he missed something.

use std::sync::Arc;

use nodedev_registry::{Batch, NextError, Registry, Snapshot, SourceStatus, Subscription};
use tokio::sync::watch;

use super::{every_source, instance};
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
            sources: every_source(registry),
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
        let told = |source: &SourceStatus| {
            let mut before = self.told.sources().iter();
            before.any(|before| before.name == source.name && is_same(before, source))
        };
        let changed = now.sources().iter().filter(|source| !told(source));
        let changed: Vec<_> = changed.map(|source| source.name.clone()).collect();
        self.told = now;
        if changed.is_empty() {
            return Vec::new();
        }
        // What a source counts itself is in no snapshot.
        let mut sources = every_source(&self.registry);
        sources.retain(|source| changed.contains(&source.name));
        sources
    }
}

/// Whether there is nothing to tell. That a source is stale is not told by itself: with mdevctl each
/// hint makes it so for a moment, and what does not heal becomes a state.
fn is_same(before: &SourceStatus, now: &SourceStatus) -> bool {
    before.state == now.state && before.diagnostics == now.diagnostics
}
