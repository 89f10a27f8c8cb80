//! Clients that follow the list: patient, slow, or coming and going. Each notes what was wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nodedev_registry::{Batch, Change, ChangeKind, NextError, Registry, Snapshot, Subscription};
use nodedev_types::{Device, DeviceName};
use tokio::task::JoinHandle;

use crate::daemon::Daemon;
use crate::seed::Rng;

type Devices = BTreeMap<DeviceName, Arc<Device>>;

/// How a follower behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habit {
    /// The longest that it does something else after each batch.
    pub(crate) pause: Duration,
    /// In how many of a hundred batches it leaves, and comes back later.
    pub(crate) leaves: u64,
}

/// A follower's end for the test.
#[derive(Debug)]
pub(crate) struct Follower {
    shared: Arc<Mutex<Following>>,
    task: JoinHandle<()>,
}

/// What a follower holds.
#[derive(Debug, Default)]
pub(crate) struct Following {
    view: Devices,
    /// Which list it is: of which registry, and its generation.
    place: Option<(u64, u64)>,
    /// It has nothing else to do any more.
    pub(crate) hurries: bool,
    pub(crate) wrong: Vec<String>,
    pub(crate) batches: usize,
    pub(crate) missed: usize,
    /// Coming back, how often it could go on with what it had, and how often it could not.
    pub(crate) resumed: usize,
    pub(crate) read_again: usize,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    pub(crate) fn new(daemon: &Daemon, habit: Habit, rng: Rng) -> Self {
        let shared = Arc::new(Mutex::new(Following::default()));
        let (daemon, following) = (daemon.clone(), Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let mut rng = rng;
            loop {
                follow(&daemon, habit, &following, &mut rng).await;
                // The registry has ended, or the follower had something else to do.
                tokio::time::sleep(habit.pause + rng.up_to(Duration::from_secs(2))).await;
            }
        });
        Self { shared, task }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, Following> {
        lock(&self.shared)
    }

    /// Notes it as wrong where the follower does not hold that list.
    pub(crate) fn must_hold(&self, snapshot: &Snapshot) {
        let mut state = self.state();
        if !holds(&state.view, snapshot) {
            let text = format!("holds {:?}", names(&state.view));
            state.wrong.push(text);
        }
    }
}

fn lock(shared: &Mutex<Following>) -> MutexGuard<'_, Following> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One stay: from the subscription until the follower leaves or the registry ends.
async fn follow(daemon: &Daemon, habit: Habit, shared: &Mutex<Following>, rng: &mut Rng) {
    let mut events = {
        let Some(registry) = daemon.registry() else {
            return;
        };
        lock(shared).come(&registry)
    };
    loop {
        let next = events.next().await;
        match next {
            Ok(batch) => lock(shared).take(&batch),
            Err(NextError::Missed(missed)) => lock(shared).miss(&missed.snapshot),
            Err(NextError::Closed) => return,
        }
        if rng.percent(habit.leaves) {
            return;
        }
        let pause = rng.up_to(habit.pause);
        if !lock(shared).hurries {
            tokio::time::sleep(pause).await;
        }
    }
}

impl Following {
    /// Subscribes; whoever has the list of that place already goes on with it.
    fn come(&mut self, registry: &Registry) -> Subscription {
        let (snapshot, events) = registry.subscribe();
        let place = (registry.instance(), snapshot.generation());
        let is_same = self.place == Some(place);
        if !is_same {
            self.read_again += usize::from(self.place.is_some());
            self.view = all(&snapshot);
        } else if holds(&self.view, &snapshot) {
            self.resumed += 1;
        } else {
            self.wrong.push(format!("took {place:?} for its own list"));
        }
        self.place = Some(place);
        events
    }

    fn miss(&mut self, snapshot: &Snapshot) {
        self.missed += 1;
        self.view = all(snapshot);
        self.move_to(snapshot);
    }

    fn take(&mut self, batch: &Batch) {
        self.batches += 1;
        let generation = batch.snapshot.generation();
        // The first list is announced even if there is nothing on it, which is no event.
        let before = self.place.map_or(0, |(_, generation)| generation).max(1);
        if !(before..=before + 1).contains(&generation)
            || self.place.is_some_and(|p| p.1 == generation)
        {
            self.wrong.push(format!("generation {generation} after {before}, and nothing missed"));
        }
        let old = self.view.clone();
        for change in &batch.changes {
            if let Err(wrong) = self.apply(change, &batch.snapshot) {
                self.wrong.push(format!("generation {generation}: {wrong}"));
            }
            if old.get(&change.name) == batch.snapshot.device(change.name.as_str()) {
                let text = format!("{} {} where nothing is different", change.kind, change.name);
                self.wrong.push(format!("generation {generation}: {text}"));
            }
        }
        if !holds(&self.view, &batch.snapshot) {
            let (view, list) = (names(&self.view), names(&all(&batch.snapshot)));
            self.wrong.push(format!("generation {generation}: {view:?} instead of {list:?}"));
            self.view = all(&batch.snapshot);
        }
        self.move_to(&batch.snapshot);
    }

    fn move_to(&mut self, snapshot: &Snapshot) {
        if let Some((_, generation)) = &mut self.place {
            *generation = snapshot.generation();
        }
    }

    /// As `Change` says that a client has to do it.
    fn apply(&mut self, change: &Change, list: &Snapshot) -> Result<(), String> {
        let known = self.view.remove(&change.name);
        let flags = known.as_ref().map(|device| (device.active, device.persistent));
        let (active, persistent) = match (change.kind, flags) {
            (ChangeKind::Deleted, Some((true, persistent))) => (false, persistent),
            (ChangeKind::Undefined, Some((active, true))) => (active, false),
            (ChangeKind::Created, None) => (true, false),
            (ChangeKind::Created, Some((false, persistent))) => (true, persistent),
            (ChangeKind::Defined, None) => (false, true),
            (ChangeKind::Defined, Some((active, false))) => (active, true),
            (ChangeKind::Updated, Some(flags)) => flags,
            (kind, flags) => return Err(format!("{kind} {} while it is {flags:?}", change.name)),
        };
        let seen = list.device(change.name.as_str()).cloned().or(known);
        if let Some(seen) = seen.filter(|_| active || persistent) {
            let device = Device { active, persistent, ..(*seen).clone() };
            self.view.insert(change.name.clone(), Arc::new(device));
        }
        Ok(())
    }
}

fn all(snapshot: &Snapshot) -> Devices {
    snapshot.devices().map(|device| (device.name.clone(), Arc::clone(device))).collect()
}

fn holds(view: &Devices, snapshot: &Snapshot) -> bool {
    view.len() == snapshot.len() && view.values().zip(snapshot.devices()).all(|(a, b)| a == b)
}

fn names(devices: &Devices) -> Vec<String> {
    devices.values().map(|d| format!("{} {} {}", d.name, d.active, d.persistent)).collect()
}
