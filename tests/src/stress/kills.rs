//! SIGKILL at any moment, while events and actions go on, or while the daemon is starting.
//!
//! After each: what was answered is so, what was cut off is wholly so or not at all, no file is
//! half-written; the daemon starts again, its list is that of a fresh instance, and who followed the one
//! before is told to read again. The moments are drawn from the seed and counted from when the action is
//! sent; what they meet is a matter of the machine.

mod actions;
mod definitions;
mod follower;
mod interfaces;
mod report;
mod victim;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use nodedev_mutants::Random;

use self::actions::Action;
use self::definitions::Definitions;
use self::follower::Known;
use self::interfaces::{Changes, Interfaces};
use self::report::Counts;
use self::victim::{Left, Victim};
use super::mediated::Parent;
use super::{Report, Say, truth};
use crate::lab::Lab;

/// What is run.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Options {
    /// How often
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub kills: u32,
    /// What the run follows from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
}

/// A list that is not the truth after this time will not become it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Moments are drawn up to this: longer than an action or a start takes on a quiet machine.
const LONGEST: Duration = Duration::from_millis(250);
/// What a daemon that is killed leaves in its folder, and the next one has there.
const FILES: [&str; 6] = [
    "io.nodedev.NodeDevice",
    "log",
    "nodedevd.conf",
    "pid",
    "virtnodedevd-sock",
    "virtnodedevd-sock-ro",
];

/// Everything that goes on over the kills.
struct Scene {
    lab: Lab,
    folder: PathBuf,
    parent: Parent,
    definitions: Definitions,
    interfaces: Interfaces,
    known: Known,
    counts: Counts,
    random: Random,
}

/// Runs it.
///
/// # Errors
///
/// When it could not be run.
pub fn run(options: &Options, say: Say<'_>) -> Result<Report> {
    let lab = Lab::start();
    let mut scene = Scene {
        folder: lab.folder().join("daemon"),
        parent: Parent::of(&lab),
        lab,
        definitions: Definitions::default(),
        interfaces: Interfaces::default(),
        known: Known::default(),
        counts: Counts::default(),
        random: Random::of(options.seed.max(1)),
    };
    slow_down(&scene.lab);
    let mut victim = scene.start_again(Vec::new(), Vec::new(), None);
    for number in 1..=options.kills {
        let faults = scene.counts.faults.len();
        victim = scene.kill(victim);
        for fault in &mut scene.counts.faults[faults..] {
            fault.insert_str(0, &format!("kill {number}: "));
            say(fault);
        }
        if number % 50 == 0 {
            say(&format!("{number} kills"));
        }
    }
    drop(victim);
    Ok(scene.counts.report(options, scene.definitions.done))
}

/// mdevctl does hardly anything between its start and its end, so that a kill meets it seldom. What it calls
/// out to before and after each step takes a while here.
fn slow_down(lab: &Lab) {
    let file = lab.definitions().join("scripts.d/callouts/slow.sh");
    fs::write(&file, "#!/bin/sh\nsleep 0.008\n").unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
}

impl Scene {
    /// Kills it at some moment, starts it again and judges what is left and what it lists.
    fn kill(&mut self, victim: Victim) -> Victim {
        self.counts.kills += 1;
        if self.random.below(5) == 0 {
            let left = victim.kill();
            self.kill_while_it_starts(left)
        } else {
            self.kill_while_it_acts(victim)
        }
    }

    fn kill_while_it_starts(&mut self, before: Left) -> Victim {
        self.counts.starting += 1;
        let changes = self.some_changes();
        let begun = Instant::now();
        let victim = Victim::spawn(&self.lab, &self.folder);
        self.await_the_moment(begun);
        self.start_again(vec![before, victim.kill()], Vec::new(), changes)
    }

    fn kill_while_it_acts(&mut self, victim: Victim) -> Victim {
        let follower = std::mem::take(&mut self.known).follow(&victim.daemon.varlink_socket());
        let socket = victim.daemon.socket();
        let mut actions = Action::some(&socket, &self.parent, &self.definitions, &mut self.random);
        let changes = self.some_changes();
        let begun = Instant::now();
        actions.iter_mut().for_each(Action::send);
        self.await_the_moment(begun);
        let left = victim.kill();
        match follower.and_then(follower::Follower::end) {
            Ok(known) => self.known = known,
            Err(fault) => self.counts.faults.push(fault),
        }
        self.start_again(vec![left], actions, changes)
    }

    /// In half of the cases at once, in the other half when all is quiet.
    fn start_again(
        &mut self,
        left: Vec<Left>,
        actions: Vec<Action>,
        changes: Option<Changes>,
    ) -> Victim {
        let at_once = self.random.below(2) == 0;
        let early = at_once.then(|| (Instant::now(), Victim::spawn(&self.lab, &self.folder)));
        changes.into_iter().for_each(Changes::end);
        for left in left {
            match left.end() {
                Ok(alone) => self.counts.orphans.push(alone),
                Err(fault) => self.counts.faults.push(fault),
            }
        }
        for action in actions {
            self.counts.concluded.push(action.conclude(&mut self.definitions));
        }
        self.judge_definitions();
        let start = || (Instant::now(), Victim::spawn(&self.lab, &self.folder));
        let (begun, mut victim) = early.unwrap_or_else(start);
        victim.daemon.until_it_listens();
        self.judge_folder();
        self.judge_list(&victim, begun);
        victim
    }

    /// Interfaces change in half of the cases.
    fn some_changes(&mut self) -> Option<Changes> {
        let some = self.random.below(2) == 0;
        self.counts.interfaces += u32::from(some);
        some.then(|| self.interfaces.change(&self.lab, &mut self.random))
    }

    /// Half of the moments lie anywhere, the other half close to the beginning, to the microsecond.
    fn await_the_moment(&mut self, begun: Instant) {
        let longest = usize::try_from(LONGEST.as_micros()).unwrap_or(usize::MAX);
        let longest = match self.random.below(2) {
            0 => longest,
            _ => longest >> self.random.below(14),
        };
        let moment = u64::try_from(self.random.below(longest)).unwrap_or(0);
        while begun.elapsed() < Duration::from_micros(moment) {
            std::hint::spin_loop();
        }
    }

    fn judge_definitions(&mut self) {
        let folder = self.lab.definitions().join(&self.parent.address);
        self.counts.faults.extend(self.definitions.judge(&folder));
    }

    /// A daemon has its own files in its folder, and none of those before it.
    fn judge_folder(&mut self) {
        let there = fs::read_dir(&self.folder).unwrap().flatten();
        let names = there.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let left = names.filter(|name| !FILES.contains(&name.as_str()));
        self.counts.faults.extend(left.map(|name| format!("a file `{name}` is left")));
    }

    fn judge_list(&mut self, victim: &Victim, begun: Instant) {
        let socket = victim.daemon.varlink_socket();
        let faults = &mut self.counts.faults;
        match self.known.come_to_another(&socket) {
            Ok(_) => self.counts.starts.push(begun.elapsed()),
            Err(fault) => faults.push(fault),
        }
        self.lab.settle();
        faults.extend(truth::differences(&self.lab, &socket, PATIENCE));
        faults.extend(truth::drifts(&socket));
        match follower::read(&socket) {
            Ok(known) => self.known = known,
            Err(error) => faults.push(format!("the list cannot be read: {error}")),
        }
    }
}
