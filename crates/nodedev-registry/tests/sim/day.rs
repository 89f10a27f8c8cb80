//! A day of churn under one registry: nothing piles up.
//!
//! Devices come that never were there before, and go for ever: whatever is remembered of each would
//! show. The first half is fair, without a single enumeration; in the second everything goes wrong.

use std::collections::VecDeque;
use std::time::Duration;

use nodedev_registry::RegistryConfig;
use nodedev_source::{Action, MdevConfig};
use nodedev_types::{DeviceId, MdevAttribute};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::block_on;
use crate::daemon::Daemon;
use crate::deed::Deed;
use crate::follower::{Follower, Habit};
use crate::host::Host;
use crate::kernel::{SLOTS, TYPES, net_id};
use crate::memory::{held, most};
use crate::model::{differences, expected, published};
use crate::seed::Rng;
use crate::trace::Trace;
use crate::weather::Weather;

const HOURS: usize = 24;
const HOUR: Duration = Duration::from_secs(3600);
/// After what every fault has healed and every follower has caught up.
const SETTLED: Duration = Duration::from_secs(400);
/// The hour of a fair day at whose end so many departures are remembered as may be.
const FULL: usize = 6;
/// Bytes that a change may leave behind before that: three in four make a departure that is remembered.
const DEPARTURE: isize = 224;
/// How many devices of a kind there are at once.
const CROWD: usize = 8;

/// What is held at the end of an hour, when the host is as at its beginning.
#[derive(Debug, Clone, Copy)]
struct Figures {
    held: isize,
    most: isize,
    tasks: usize,
    listeners: usize,
    changes: usize,
    resyncs: u64,
    restarts: u64,
}

struct Day {
    host: Host,
    daemon: Daemon,
    followers: Vec<Follower>,
    rng: Rng,
    /// What is there now, the oldest first.
    nets: VecDeque<DeviceId>,
    mdevs: VecDeque<DeviceId>,
    definitions: VecDeque<DeviceId>,
    made: u64,
    changes: usize,
}

impl Day {
    async fn begin() -> Self {
        let mut rng = Rng::new(24);
        let host = Host::new(rng.fork(), Trace::new(false));
        for slot in 0..3 {
            host.bring(&Deed::Plug(slot));
            host.bring(&Deed::Bind(slot));
        }
        let mut config = RegistryConfig::default();
        config.event_queue = 64;
        let daemon = Daemon::start(&host, config);
        daemon.registry().unwrap().ready().await;
        let habit = |pause, leaves| Habit { pause: Duration::from_secs(pause), leaves };
        let habits = [habit(0, 0), habit(60, 0), habit(5, 20)];
        let followers =
            habits.into_iter().map(|habit| Follower::new(&daemon, habit, rng.fork())).collect();
        let (nets, mdevs, definitions) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self { host, daemon, followers, rng, nets, mdevs, definitions, made: 0, changes: 0 }
    }

    async fn hour(&mut self, stormy: bool) {
        let end = Instant::now() + HOUR - SETTLED;
        self.followers.iter().for_each(|follower| follower.state().hurries = false);
        while Instant::now() < end {
            if stormy && self.rng.percent(2) {
                self.host.world().weather = Weather::storm(&mut self.rng);
                self.host.break_definitions(self.made.is_multiple_of(2));
            }
            self.change();
            let pause = self.rng.up_to(Duration::from_secs(6));
            tokio::time::sleep(pause).await;
        }
        self.clear();
        self.host.calm_down();
        self.followers.iter().for_each(|follower| follower.state().hurries = true);
        if stormy {
            // What was lost in silence.
            tokio::time::sleep(SETTLED / 2).await;
            self.host.overrun();
            self.host.touch_definitions();
            tokio::time::sleep(SETTLED / 2).await;
        } else {
            tokio::time::sleep(SETTLED).await;
        }
    }

    /// Something comes that never was there, and the oldest of its kind goes.
    fn change(&mut self) {
        self.made += 1;
        self.changes += 1;
        match self.rng.below(4) {
            0 | 1 => {
                let net = net_id(&format!("l{}", self.made), false);
                self.host.change(|kernel| kernel.add_net(&net, "02:00:00:00:00:01"));
                self.nets.push_back(net);
            }
            2 => {
                let action = |parent, uuid, config| Action::Create { parent, uuid, config };
                let made = self.make(action);
                self.mdevs.extend(made);
            }
            _ => {
                let action = |parent, uuid, config| Action::Define { parent, uuid, config };
                let made = self.make(action);
                self.definitions.extend(made);
            }
        }
        self.thin_out(CROWD);
    }

    /// Asks the daemon for every other, and does the rest behind its back.
    fn make(
        &self,
        action: impl Fn(String, Option<String>, MdevConfig) -> Action,
    ) -> Option<DeviceId> {
        let number = self.made;
        let slot = &SLOTS[usize::try_from(number).unwrap() % SLOTS.len()];
        let attribute = MdevAttribute { name: "a".to_owned(), value: number.to_string() };
        let config = MdevConfig {
            mdev_type: TYPES[0].to_owned(),
            attributes: vec![attribute],
            autostart: false,
        };
        let uuid = format!("bbbbbbbb-0000-4000-8000-{number:012x}");
        let action = action(slot.address.to_owned(), Some(uuid), config);
        let device = action.device();
        if number.is_multiple_of(2) {
            self.host.run_tool(&action).ok()?;
        } else {
            let registry = self.daemon.registry()?;
            tokio::spawn(async move { registry.perform(action).await });
        }
        device
    }

    fn thin_out(&mut self, to: usize) {
        while self.nets.len() > to {
            let net = self.nets.pop_front().unwrap();
            self.host.change(|kernel| kernel.unplug(&net));
        }
        while self.mdevs.len() > to {
            let _ = self.host.run_tool(&Action::Stop(self.mdevs.pop_front().unwrap()));
        }
        while self.definitions.len() > to {
            let _ = self.host.run_tool(&Action::Undefine(self.definitions.pop_front().unwrap()));
        }
    }

    fn clear(&mut self) {
        self.thin_out(0);
    }

    /// Also what a daemon that was slow to do it has made since.
    fn clear_the_rest(&self) {
        for device in self.host.mediated() {
            let _ = self.host.run_tool(&Action::Stop(device.clone()));
            let _ = self.host.run_tool(&Action::Undefine(device));
        }
    }

    fn figures(&self) -> Figures {
        let snapshot = self.daemon.registry().unwrap().snapshot();
        let wrong = differences(&published(&snapshot), &expected(&self.host.world()));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        for follower in &self.followers {
            follower.must_hold(&snapshot);
            assert_eq!(follower.state().wrong, Vec::<String>::new());
        }
        let sum = |of: fn(&nodedev_registry::SourceStatus) -> u64| {
            snapshot.sources().iter().map(of).sum::<u64>()
        };
        let (resyncs, restarts) = (sum(|source| source.resyncs), sum(|source| source.restarts));
        let listeners = self.host.open();
        let tasks = Handle::current().metrics().num_alive_tasks();
        let changes = self.changes;
        drop(snapshot);
        Figures { held: held(), most: most(), tasks, listeners, changes, resyncs, restarts }
    }
}

async fn figures_of_a_day() -> Vec<Figures> {
    let mut day = Day::begin().await;
    let mut all = Vec::new();
    for hour in 0..HOURS {
        day.hour(hour >= HOURS / 2).await;
        day.clear_the_rest();
        tokio::time::sleep(Duration::from_secs(30)).await;
        all.push(day.figures());
    }
    day.daemon.crash().await;
    all
}

#[test]
fn a_day_of_churn_leaves_nothing_behind() {
    let hours = block_on(figures_of_a_day());
    println!("hour  changes  resyncs  restarts  held KiB  most KiB  tasks  listeners");
    for (hour, f) in hours.iter().enumerate() {
        let (hour, held, most) = (hour + 1, f.held / 1024, f.most / 1024);
        let Figures { changes, resyncs, restarts, tasks, listeners, .. } = f;
        println!(
            "{hour:4}  {changes:7}  {resyncs:7}  {restarts:8}  {held:8}  {most:8}  {tasks:5}  \
             {listeners:9}"
        );
    }
    let last = hours[HOURS - 1];
    assert!(last.changes > 20_000 && last.resyncs > 10_000 && last.restarts > 500, "{last:?}");
    for f in &hours {
        assert_eq!((f.tasks, f.listeners), (hours[0].tasks, hours[0].listeners), "{f:?}");
    }
    // Departures are remembered up to a bound, which a fair day reaches in its sixth hour.
    let (fair, stormy) = hours.split_at(HOURS / 2);
    rises_by_departures(&fair[..FULL]);
    is_flat(&fair[FULL - 1..], |f| f.held, 20);
    is_flat(stormy, |f| f.held, 20);
    // What was most is what happened to coincide, and in the first stormy hour what was left of the fair ones.
    is_flat(&fair[FULL - 1..], |f| f.most, 2);
    is_flat(&stormy[1..], |f| f.most, 2);
    assert!(last.held < fair[0].held, "an enumeration stands for all departures before it");
}

/// Whether each of these hours adds no more than what is remembered of the devices that went in it.
fn rises_by_departures(hours: &[Figures]) {
    for pair in hours.windows(2) {
        let changes = isize::try_from(pair[1].changes - pair[0].changes).unwrap();
        let rise = pair[1].held - pair[0].held;
        assert!(rise <= changes * DEPARTURE, "{rise} bytes more after {changes} changes");
    }
}

/// Whether of something the later of these hours have no more than the earlier ones, but for this part of it.
fn is_flat(hours: &[Figures], of: fn(&Figures) -> isize, part: isize) {
    let (early, late) = hours.split_at(hours.len() / 2);
    let greatest = |hours: &[Figures]| hours.iter().map(of).max();
    let (before, after) = (greatest(early), greatest(late));
    let bound = before.map(|before| before + before / part);
    assert!(after <= bound, "{before:?} bytes became {after:?}");
}
