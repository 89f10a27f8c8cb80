//! Devices and clients that come and go for an hour, and what the daemon holds meanwhile.
//!
//! In rounds: a load of changes and clients, then rest. At rest the list is compared with the truth, the
//! world is emptied, the list compared again, and counted what the daemon holds, so that every count is
//! of the same world. Nothing may grow.

mod figures;
mod report;
mod residents;
mod visitors;
mod world;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use nodedev_mutants::Random;
use serde_json::Value;

use self::figures::Figures;
use self::report::{Round, heading, report, row};
use self::residents::{Deaf, Residents};
use self::visitors::Visitors;
use self::world::World;
use super::{Report, Say, truth};
use crate::command::run as run_command;
use crate::daemon::Daemon;
use crate::lab::Lab;
use crate::systemd;
use crate::wire::Client;

/// What is run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How long
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub minutes: u32,
    /// What the run follows from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// How often the daemon compares its list with the host; what it finds to differ is a failure. 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub self_check: u32,
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often there is load, and then rest.
    pub rounds: u32,
    /// How long a round is, its rest included.
    pub round: Duration,
    /// How long the load of each lasts.
    pub load: Duration,
    /// How many rounds at the start are not judged by memory: what the daemon remembers for a bounded
    /// time or number fills up.
    pub warm_up: u32,
    /// By how many per cent the later half of the other rounds may hold more memory than the earlier.
    pub growth: u64,
    /// How often the daemon compares its list with the host, in seconds; 0 for never.
    pub self_check: u32,
}

/// Threads that read and are there at rest: two readers, and those that serve one client each.
const QUESTIONS: usize = 6;
/// From one change to the next.
const PACE: Duration = Duration::from_millis(150);
/// A list that is not the truth after this time will not become it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Threads that have nothing to do end after ten seconds.
const REST: Duration = Duration::from_secs(11);

/// Runs it.
///
/// # Errors
///
/// When it could not be run.
pub fn run(options: &Options, say: Say<'_>) -> Result<Report> {
    let plan = Plan {
        rounds: options.minutes,
        round: Duration::from_secs(60),
        load: Duration::from_secs(43),
        warm_up: options.minutes / 4,
        growth: 5,
        self_check: options.self_check,
    };
    Ok(churn(&plan, options.seed, say))
}

/// Goes through with a plan.
pub fn churn(plan: &Plan, seed: u64, say: Say<'_>) -> Report {
    let lab = Lab::start();
    let config = format!(
        "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nself_check_interval = {}\n",
        plan.self_check
    );
    let daemon = Daemon::with_config(&lab.folder().join("daemon"), &config, |program| {
        let mut command = lab.command(program);
        command.envs(systemd::environment());
        command
    });
    let mut random = Random::of(seed.max(1));
    let mut world = World::new(&lab, Client::open(&daemon.socket(), 0));
    let residents = Residents::start(&lab, &daemon);
    say("a first round, which is not counted");
    let first = one_round(&lab, &daemon, &mut world, &residents, &mut random, plan.load.min(REST));
    let wanted = settled(daemon.process()).at_rest();
    let mut rounds = Vec::new();
    let began = Instant::now();
    say(&heading());
    for number in 1..=plan.rounds {
        let mut round = one_round(&lab, &daemon, &mut world, &residents, &mut random, plan.load);
        round.figures = count(daemon.process(), wanted, &mut round.faults);
        say(&row(number, &round));
        for fault in &round.faults {
            say(&format!("  {fault}"));
        }
        rounds.push(round);
        let left = (plan.round * number).saturating_sub(began.elapsed());
        thread::sleep(left);
    }
    report(plan, seed, &first, &rounds)
}

/// Load, then rest, the truth, and an empty world.
fn one_round(
    lab: &Lab,
    daemon: &Daemon,
    world: &mut World<'_>,
    residents: &Residents,
    random: &mut Random,
    long: Duration,
) -> Round {
    let mut round = Round::default();
    let before = world.changes;
    let used = Figures::of(daemon.process()).used;
    let deaf = Deaf::start(daemon);
    round.visitors = thread::scope(|scope| {
        let visitors = Visitors::start(scope, lab, daemon, Random::of(random.next() | 1));
        let end = Instant::now() + long;
        while Instant::now() < end {
            let next = Instant::now() + PACE;
            world.change(random);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        let stopped = visitors.stop();
        if stopped.is_none() {
            round.faults.push("a client was not served as it should be: see above".to_owned());
        }
        stopped.unwrap_or_default()
    });
    drop(deaf);
    round.used = Figures::of(daemon.process()).used - used;
    world.mend();
    round.faults.extend(judge_list("a full world", lab, daemon, residents));
    world.empty(random);
    round.faults.extend(judge_list("an empty world", lab, daemon, residents));
    round.changes = world.changes - before;
    round.generation = generation(lab, daemon);
    round
}

/// What is wrong with the list at rest.
fn judge_list(world: &str, lab: &Lab, daemon: &Daemon, residents: &Residents) -> Vec<String> {
    lab.settle();
    let mut faults = truth::differences(lab, &daemon.varlink_socket(), PATIENCE);
    faults.extend(truth::drifts(&daemon.varlink_socket()));
    faults.extend(residents.differences(daemon));
    faults.iter_mut().for_each(|fault| fault.insert_str(0, &format!("{world}: ")));
    faults
}

fn generation(lab: &Lab, daemon: &Daemon) -> u64 {
    let mut sources = lab.nodedev(&["sources", "--json", "--connect"]);
    let told = run_command(sources.arg(daemon.varlink_socket())).ok();
    let told: Value = serde_json::from_str(&told).unwrap();
    told["registry"]["generation"].as_u64().expect("there is a generation")
}

/// What it holds when it has not changed for long enough that all that ends has ended.
fn settled(process: u32) -> Figures {
    let deadline = Instant::now() + REST * 4;
    let (mut figures, mut since) = (Figures::of(process), Instant::now());
    while since.elapsed() < REST && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
        let now = Figures::of(process);
        if now.at_rest() != figures.at_rest() {
            since = Instant::now();
        }
        figures = now;
    }
    figures
}

/// What it holds when it has come to what it held at first, or has had the time to.
fn count(process: u32, wanted: [usize; 3], faults: &mut Vec<String>) -> Figures {
    let deadline = Instant::now() + REST * 2;
    let mut figures = Figures::of(process);
    while figures.at_rest() != wanted && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
        figures = Figures::of(process);
    }
    if figures.at_rest() != wanted {
        let held = figures.at_rest();
        faults.push(format!("descriptors, threads, children: {held:?}, at first {wanted:?}"));
    }
    if figures.questions > QUESTIONS {
        faults.push(format!("{} sockets of generic netlink", figures.questions));
    }
    if figures.zombies > 0 {
        faults.push(format!("{} dead children are not waited for", figures.zombies));
    }
    figures
}
