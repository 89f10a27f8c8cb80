//! Parity: our daemon beside libvirt's own on any host, asked by one client, compared to the byte.
//!
//! The parts: [`hosts`] and a stage to run daemons on, a client that asks both, the comparison
//! ([`mod@compare`]) by the rules of what differs on purpose ([`intended`]), the schema, the
//! [`report`]. What breaks on one host is a failure of that host; the others go on.

mod ask;
pub mod compare;
pub(crate) mod daemons;
mod diff;
pub mod dump;
pub mod hosts;
pub mod intended;
pub mod report;
pub mod requests;
pub(crate) mod schema;
pub(crate) mod stage;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;

pub use ask::CAPABILITIES;
use ask::Virsh;
use compare::{Comparison, compare};
use daemons::{Running, Whose};
use dump::Dump;
use hosts::{Host, Prepared};
use report::{Outcome, Report};
use stage::Stage;

/// What to compare, and with whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// The hosts, in the order of the report.
    pub hosts: Vec<Host>,
    /// The system that libvirt's daemon is taken from and both run in; the machine's own if there is
    /// none.
    pub root: Option<PathBuf>,
    /// Our daemon's program.
    pub daemon: PathBuf,
    /// How many hosts to compare at once.
    pub jobs: usize,
}

/// How often values that move are looked at before they are called different.
const ROUNDS: usize = 3;

/// Compares on every host. `progress` is given lines to show while it works.
#[must_use]
pub fn run(options: &Options, progress: &(dyn Fn(&str) + Sync)) -> Vec<Report> {
    let total = options.hosts.len();
    let waiting: Mutex<VecDeque<_>> = Mutex::new(options.hosts.iter().enumerate().collect());
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting.lock().ok().and_then(|mut waiting| waiting.pop_front());
            let Some((number, host)) = next else { break };
            let report = run_on(options, host, progress);
            progress(&format!("[{}/{total}] {}: {}", number + 1, report.host, report.summary()));
            if let Ok(mut done) = done.lock() {
                done.push((number, report));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, total.max(1)) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, report)| report).collect()
}

fn run_on(options: &Options, host: &Host, progress: &(dyn Fn(&str) + Sync)) -> Report {
    let name = host.name();
    let began = Instant::now();
    let say = |text: &str| progress(&format!("{name}: {text}"));
    // The laboratory fails as tests do.
    let outcome = catch_unwind(AssertUnwindSafe(|| compare_on(options, host, &say)));
    let outcome = match outcome {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(panic) => Err(words(panic.as_ref())),
    };
    Report { host: name, outcome, seconds: began.elapsed().as_secs_f64() }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

fn compare_on(options: &Options, host: &Host, say: &dyn Fn(&str)) -> Result<Outcome> {
    let prepared = host.prepare()?;
    if let Some(remark) = prepared.remark() {
        say(remark);
    }
    // In this order, so that what is dropped last ends last.
    let stage = Stage::make(options.root.as_deref(), &prepared, &options.daemon)?;
    let version = Virsh::version(&stage)?;
    let mut theirs = Running::start(Whose::Theirs, &stage)?;
    let mut ours = Running::start(Whose::Ours, &stage)?;
    let virsh = Virsh::new(&stage)?;
    let (their_dump, our_dump, comparison) =
        settled(&virsh, &version, &mut theirs, &mut ours, &prepared)?;
    let schema::Judged { mut refused, mut disputed } =
        schema::judge(&stage, &their_dump, &our_dump)?;
    refused.retain(|name, _| compare::is_judged_alike(&version, name));
    disputed.retain(|_, _| version.starts_with(schema::VERSION));
    let round_trip = schema::not_understood(&our_dump);
    let comparison = Comparison { schema: refused, disputed, round_trip, ..comparison };
    let remark = prepared.remark();
    Ok(Outcome { libvirt: version, remark, comparison })
}

/// Asks both, on a live host again as long as something differs: values may move in between.
fn settled(
    virsh: &Virsh<'_>,
    version: &str,
    theirs: &mut Running,
    ours: &mut Running,
    host: &Prepared,
) -> Result<(Dump, Dump, Comparison)> {
    let mut ask = || -> Result<(Dump, Dump, Comparison)> {
        let their_dump = virsh.dump(&theirs.uri()).map_err(|error| theirs.blame(&error))?;
        let our_dump = virsh.dump(&ours.uri()).map_err(|error| ours.blame(&error))?;
        let comparison = compare(version, &their_dump, &our_dump);
        Ok((their_dump, our_dump, comparison))
    };
    let mut last = ask()?;
    for _ in 1..ROUNDS {
        let suspects = last.2.suspects();
        if suspects.is_empty() || !host.is_alive() {
            break;
        }
        last = ask()?;
        last.2.acquit_all_but(&suspects);
    }
    Ok(last)
}
