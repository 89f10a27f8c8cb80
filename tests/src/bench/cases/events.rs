//! Events, one at a time: the daemon's share, from udevd's broadcast to the client's event.

use std::time::Duration;

use anyhow::Result;
use nodedev_rpc::Lifecycle;

use super::{at_rest, change, row, seconds_between, until_told};
use crate::bench::Bench;
use crate::bench::case::Case;
use crate::bench::host::Host;
use crate::bench::links::device;
use crate::bench::rounds::{Both, Found, Once, interleaved};
use crate::bench::row::{Row, Unit};
use crate::bench::sample::Statistic;
use crate::bench::side::Side;
use crate::bench::spawned::Spawned;

/// Interfaces of these tests have numbers from here on.
const FIRST: usize = 20_000;
/// Between two changes: what a daemon does after an event is not to be in the way of the next one.
const PAUSE: Duration = Duration::from_millis(20);

/// What one turn of a daemon gave, in seconds.
#[derive(Debug, Default)]
struct Turn {
    added: Vec<f64>,
    removed: Vec<f64>,
    processes: [Option<f64>; 2],
}

/// Latency of an event for each interface that comes, and for each that goes.
pub(in crate::bench) fn measure(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let mut host = bench.host(case.kind, case.size)?;
    let (turns, many) = (bench.many(4, 1), bench.many(100, 10));
    let both = interleaved(bench, turns, |_, side| turn(&mut host, side, many))?;
    bench.keep(host);
    let latency = |figure, statistic, of: fn(&Turn) -> &[f64]| {
        let (ours, theirs) = (both.ours.cell_of_all(of), both.theirs.cell_of_all(of));
        Row { statistic, ..row(case, figure, Unit::Seconds, ours, theirs) }
    };
    let mut rows = Vec::new();
    for statistic in [Statistic::Median, Statistic::P99] {
        rows.push(latency("add to created", statistic, |turn| &turn.added));
        rows.push(latency("remove to deleted", statistic, |turn| &turn.removed));
    }
    rows.push(processes(case, "processes, adds", &both, 0));
    rows.push(processes(case, "processes, removals", &both, 1));
    Ok(rows)
}

fn processes(case: &Case, figure: &'static str, both: &Both<Turn>, which: usize) -> Row {
    let cell = |found: &Found<Turn>| found.cell_of(|turn| turn.processes[which]);
    row(case, figure, Unit::Count, cell(&both.ours), cell(&both.theirs))
}

fn turn(host: &mut Host, side: Side, many: usize) -> Result<Once<Turn>> {
    let (daemon, mut client) = match at_rest(side, host)? {
        Ok(both) => both,
        Err(after) => return Ok(Once::Stopped(after)),
    };
    client.follow()?;
    let mut turn = Turn::default();
    for what in [Lifecycle::Created, Lifecycle::Deleted] {
        let spawned = Spawned::listen().ok();
        for number in FIRST..FIRST + many {
            let changed = change(host, what, number, || {
                until_told(&mut client, what, &device(number)).map(|(told, _)| told)
            })?;
            let latency = seconds_between(changed.broadcast, changed.result);
            match what {
                Lifecycle::Created => turn.added.push(latency),
                _ => turn.removed.push(latency),
            }
            std::thread::sleep(PAUSE);
        }
        let count = spawned.and_then(|spawned| spawned.by(daemon.process()));
        turn.processes[usize::from(what == Lifecycle::Deleted)] = count.map(f64::from);
    }
    Ok(Once::Took(turn))
}
