//! One round of a cell: a quiet time, the same time with the fault, the signs of it, and the recovery.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nodedev_rpc::{DeviceFlagsArgs, ListAllArgs, procedures};
use serde_json::Value;

use super::cells::{Cell, Fault, FileFault, Shown, Who};
use super::clients::Crowd;
use super::host::Host;
use super::matrix::FOR_EVER;
use super::measure::{Figures, observe};
use super::process::Daemon;
use crate::wire::Client;

/// How long a sign may take, or what has to come about after the fault: the longest pause before a source is
/// started again in such a round, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the daemon may use at most, in KiB: of mdevctl's two listings 64 MiB each are read, and a debug build
/// on a machine with other work needs some itself.
const MEMORY: u64 = 320 << 10;

/// What came of a round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Without the fault.
    pub(super) quiet: Figures,
    /// With it.
    pub(super) faulty: Figures,
    /// From the end of the fault until everything was as before.
    pub(super) recovery: Duration,
    /// The most memory that the daemon used, in KiB.
    pub(super) peak: u64,
    /// What did not hold.
    pub(super) problems: Vec<String>,
}

/// The documents of all devices that are not the culprit's, and the names of all.
#[derive(Debug, PartialEq, Eq)]
struct View {
    names: Vec<String>,
    documents: BTreeMap<String, String>,
}

impl View {
    /// The names of devices that are not as in the other.
    fn difference(&self, other: &Self) -> String {
        let names = self.names.iter().chain(&other.names).chain(other.documents.keys());
        let differ = names.filter(|name| {
            let is_there = self.names.contains(name) == other.names.contains(name);
            !is_there || self.documents.get(*name) != other.documents.get(*name)
        });
        format!("{:?} differ", differ.collect::<BTreeSet<_>>())
    }
}

/// Runs a round with a daemon of its own.
pub(super) fn run(host: &Host, cell: &Cell, length: Duration) -> Round {
    let wrapped = matches!(cell.fault, Fault::Wrapped(_)).then(|| cell.who.name());
    let daemon = Daemon::start(host, wrapped);
    let mut round = Round::default();
    await_so(|| are_well(&daemon), &mut round, "all sources run at first");
    let whole = look(&daemon, Who::Client);
    let before = Signs::of(&daemon, cell);
    round.quiet = observe(host, &daemon, cell.who, length);
    if !cell.logged.is_empty() && is_logged(&daemon, cell) {
        round.problems.push(format!("the log says `{}` when nothing is wrong", cell.logged));
    }

    let fault = begin(host, &daemon, cell);
    round.faulty = observe(host, &daemon, cell.who, length);
    await_signs(&daemon, cell, &before, &mut round);
    // A fault that only the culprit's own devices suffer from.
    let spoilt = |name: &str| cell.who.owns(name);
    let others = look(&daemon, cell.who);
    for (name, document) in whole.documents.iter().filter(|(name, _)| !spoilt(name)) {
        if others.documents.get(name) != Some(document) {
            let now = others.documents.get(name);
            round.problems.push(format!("{name} became {now:?}"));
        }
    }
    let lost = whole.names.iter().filter(|name| !others.names.contains(name));
    round.problems.extend(lost.map(|name| format!("{name} has gone")));

    end(host, &daemon, cell, fault);
    let ended = Instant::now();
    if !comes_true(|| are_well(&daemon) && look(&daemon, Who::Client) == whole) {
        let differs = look(&daemon, Who::Client).difference(&whole);
        let sources = Value::from(daemon.sources());
        round.problems.push(format!("the list is not right again: {differs}; {sources}"));
    }
    round.recovery = ended.elapsed();
    await_so(|| daemon.children().is_empty(), &mut round, "no process is left behind");
    await_so(|| !is_left(host), &mut round, "mdevctl's children have ended");
    round.peak = daemon.peak_memory();
    if round.peak > MEMORY {
        round.problems.push(format!("the daemon used {} MiB", round.peak >> 10));
    }
    round
}

/// What ends when it is dropped is given back.
fn begin(host: &Host, daemon: &Daemon, cell: &Cell) -> Option<Box<dyn Any>> {
    match cell.fault {
        Fault::Wrapped(name) => daemon.order(&format!("fault {} {name}", cell.who.name())),
        Fault::Third => daemon.order("flood on"),
        Fault::Mdevctl(shell) => {
            host.mdevctl_behaves(shell);
            // It is asked when a definition changes.
            host.touch_definition();
        }
        Fault::Files(fault) => {
            return Some(match fault {
                FileFault::Block(count) => Box::new(host.block_files(count)),
                FileFault::Rubbish => Box::new(host.rubbish()),
                FileFault::Events => Box::new(host.flood_of_events()),
                FileFault::Definitions => Box::new(host.flood_of_definitions()),
            });
        }
        Fault::Nothing => {}
        Fault::Client(fault) => return Some(Box::new(Crowd::start(daemon.socket(), fault))),
    }
    None
}

fn end(host: &Host, daemon: &Daemon, cell: &Cell, fault: Option<Box<dyn Any>>) {
    drop(fault);
    match cell.fault {
        Fault::Wrapped(_) => daemon.order(&format!("fault {} none", cell.who.name())),
        Fault::Third => daemon.order("flood off"),
        Fault::Mdevctl(_) => {
            host.mdevctl_behaves("");
            host.touch_definition();
        }
        Fault::Files(_) | Fault::Client(_) | Fault::Nothing => {}
    }
}

fn look(daemon: &Daemon, culprit: Who) -> View {
    let mut client = Client::open(daemon.socket(), 0);
    let all = ListAllArgs { need_results: 1, flags: 0 };
    let listed = client.call::<procedures::ConnectListAllNodeDevices>(&all).unwrap();
    let mut names: Vec<_> = listed.devices.0.into_iter().map(|device| device.name).collect();
    names.sort_unstable();
    let mut documents = BTreeMap::new();
    for name in names.iter().filter(|name| !culprit.owns(name)) {
        let args = DeviceFlagsArgs { name: name.clone(), flags: 0 };
        // It may have gone meanwhile, which the comparison will tell.
        if let Ok(reply) = client.call::<procedures::NodeDeviceGetXmlDesc>(&args) {
            documents.insert(name.clone(), reply.value);
        }
    }
    View { names, documents }
}

fn are_well(daemon: &Daemon) -> bool {
    let stale = |stream: &Value| stream["stale"] != 0 || !stream["failure"].is_null();
    daemon.sources().iter().all(|source| {
        let streams = source["streams"].as_array().unwrap();
        source["state"] == "running" && source["stale"].is_null() && !streams.iter().any(stale)
    })
}

/// What is to be compared with what comes.
#[derive(Debug)]
struct Signs {
    number: u64,
    metric: f64,
}

impl Signs {
    fn of(daemon: &Daemon, cell: &Cell) -> Self {
        let number = match cell.shown {
            Shown::Grows(key, _) => daemon.source(cell.who.name())[key].as_u64().unwrap(),
            _ => 0,
        };
        Self { number, metric: daemon.metric(cell.metric) }
    }
}

/// There is no event for what an operator sees, so it is looked at until it is there.
fn await_signs(daemon: &Daemon, cell: &Cell, before: &Signs, round: &mut Round) {
    let shown = || match cell.shown {
        Shown::Nothing => true,
        Shown::Says(words) => daemon.source(cell.who.name()).to_string().contains(words),
        Shown::Grows(_, by) => Signs::of(daemon, cell).number >= before.number + by,
    };
    let source = |daemon: &Daemon| match cell.who {
        Who::Client => String::new(),
        who => daemon.source(who.name()).to_string(),
    };
    if !comes_true(shown) {
        round.problems.push(format!("`nodedev sources` does not show it: {}", source(daemon)));
    }
    if !comes_true(|| is_logged(daemon, cell)) {
        round.problems.push(format!("the log does not say `{}`", cell.logged));
    }
    if !comes_true(|| daemon.metric(cell.metric) > before.metric) {
        round.problems.push(format!("`{}` does not grow", cell.metric));
    }
}

/// Whether a line of the log has the words, of that source. No words are in every log.
fn is_logged(daemon: &Daemon, cell: &Cell) -> bool {
    if cell.logged.is_empty() {
        return true;
    }
    let name = cell.who.name();
    let of_it = [format!("source={name} "), format!("source=\"{name}\"")];
    let is_of_it = |line: &str| of_it.iter().any(|words| line.contains(words));
    let says =
        |line: &str| line.contains(cell.logged) && (cell.who == Who::Client || is_of_it(line));
    daemon.log().lines().any(says)
}

fn await_so(so: impl FnMut() -> bool, round: &mut Round, what: &str) {
    if !comes_true(so) {
        round.problems.push(format!("not so, that {what}"));
    }
}

fn comes_true(mut so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Whether something that mdevctl has started on this host, and that never ends, is still there.
fn is_left(host: &Host) -> bool {
    let folder = host.root().as_os_str().as_encoded_bytes();
    let mut processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.any(|process| {
        let read = |file: &str| std::fs::read(process.path().join(file)).unwrap_or_default();
        let is_of_the_host = || read("environ").windows(folder.len()).any(|part| part == folder);
        read("cmdline") == format!("sleep\0{FOR_EVER}\0").into_bytes() && is_of_the_host()
    })
}
