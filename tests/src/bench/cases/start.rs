//! Start: from the exec of the daemon to the complete list in the hands of a client.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::row;
use crate::bench::bound::{Bare, Bound, Trace};
use crate::bench::case::Case;
use crate::bench::client::Client;
use crate::bench::host::{Host, Kind};
use crate::bench::process;
use crate::bench::rounds::{Once, interleaved};
use crate::bench::row::{Cell, Row, Unit};
use crate::bench::side::{Daemon, Side};
use crate::bench::spawned::Spawned;
use crate::bench::{Bench, LIMIT};
use crate::parity::daemons::Whose;

/// Above this a daemon under strace does not finish its first list within its own deadline.
const MOST_TRACED: usize = 10_000;

/// What one start cost.
#[derive(Debug)]
struct Start {
    seconds: f64,
    processor: f64,
    memory: f64,
    processes: Option<f64>,
    devices: f64,
}

/// All figures of a start.
pub(in crate::bench) fn measure(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let host = bench.host(case.kind, case.size)?;
    let bound = if case.size <= MOST_TRACED {
        bench.progress("looking which files are read");
        let bound =
            bound(&host).inspect_err(|error| bench.progress(&format!("no bound: {error:#}")));
        bound.ok()
    } else {
        None
    };
    let mut bare = Vec::new();
    let both = interleaved(bench, bench.repetitions(5), |_, side| {
        if let (Side::Ours, Some(bound)) = (side, &bound) {
            bare.push(bound.run(&host)?);
        }
        start(side, &host)
    })?;
    let figure = |name, unit, of: fn(&Start) -> f64| {
        row(case, name, unit, both.ours.cell(of), both.theirs.cell(of))
    };
    let bare = |of: fn(&Bare) -> f64| Cell::of(bare.iter().map(of).collect());
    let (ours, theirs) =
        (both.ours.cell_of(|start| start.processes), both.theirs.cell_of(|start| start.processes));
    let rows = vec![
        Row { bound: bare(|bare| bare.seconds), ..figure("time", Unit::Seconds, |s| s.seconds) },
        Row {
            bound: bare(|bare| bare.processor),
            ..figure("processor time", Unit::Seconds, |s| s.processor)
        },
        figure("memory", Unit::Mebibytes, |s| s.memory),
        row(case, "processes", Unit::Count, ours, theirs),
        figure("devices", Unit::Count, |s| s.devices),
    ];
    bench.keep(host);
    Ok(rows)
}

fn start(side: Side, host: &Host) -> Result<Once<Start>> {
    let spawned = Spawned::listen().ok();
    let mut daemon = Daemon::launch(side, host)?;
    let listed = daemon.connect(LIMIT).and_then(|mut client| Ok((client.list_raw()?, client)));
    let (list, _client) = match listed {
        Ok(listed) => listed,
        Err(_) if daemon.began.elapsed() >= LIMIT => return Ok(Once::Stopped(LIMIT)),
        Err(error) => return Err(error),
    };
    let seconds = daemon.began.elapsed().as_secs_f64();
    match cost(&daemon, seconds, &list, spawned) {
        Ok(start) => Ok(Once::Took(start)),
        Err(error) => Err(daemon.blame(error)),
    }
}

fn cost(daemon: &Daemon, seconds: f64, list: &[u8], spawned: Option<Spawned>) -> Result<Start> {
    let processor = process::seconds_used(daemon.process())?;
    // The number of devices comes last.
    let devices = list.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes));
    let devices = f64::from(devices.context("an answer without a number")?);
    process::until_quiet(daemon.process(), LIMIT)?;
    let memory = process::anonymous(daemon.process())?;
    let processes = spawned.and_then(|spawned| spawned.by(daemon.process())).map(f64::from);
    Ok(Start { seconds, processor, memory, processes, devices })
}

/// Under strace a daemon may be so slow that it answers with what it has after its deadline for the first
/// list; this waits until no more devices come.
fn until_settled(client: &mut Client, least: usize, deadline: Instant) -> Result<()> {
    let mut count = client.list()?.len();
    loop {
        ensure!(Instant::now() < deadline, "the list still grows: {count} devices");
        std::thread::sleep(Duration::from_secs(3));
        let now = client.list()?.len();
        if now == count && now >= least {
            return Ok(());
        }
        count = now;
    }
}

/// The loop that reads what our daemon reads when it starts.
fn bound(host: &Host) -> Result<Bound> {
    host.tidy()?;
    let (command, _) = Whose::Ours.command(&host.stage)?;
    let trace = Trace::on(host);
    let socket = host.stage.outside(Whose::Ours.socket());
    let _ = std::fs::remove_file(&socket);
    let mut traced = trace.of(&command).spawn().context("cannot start `strace`")?;
    let deadline = Instant::now() + LIMIT;
    let least = if host.kind == Kind::Mdev { host.size / 2 } else { host.size };
    let listed = loop {
        match Client::open(&socket, deadline) {
            Ok(mut client) => break until_settled(&mut client, least, deadline),
            Err(error) if Instant::now() > deadline => break Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    traced.kill()?;
    traced.wait()?;
    listed.context("under strace")?;
    let reads = trace.reads()?;
    // Each device has a file at least; with fewer the trace is not whole.
    ensure!(reads.len() >= least, "strace saw {} files of {}", reads.len(), host.size);
    Bound::of(host, &reads)
}
