//! A burst: many interfaces that come at full speed, and that all go at once.

use std::time::{Duration, Instant};

use anyhow::Result;
use nodedev_rpc::Lifecycle;

use super::{at_rest, row, seconds_between};
use crate::bench::case::Case;
use crate::bench::client::Client;
use crate::bench::host::Host;
use crate::bench::links::{Links, Stay};
use crate::bench::process;
use crate::bench::rounds::{Once, interleaved};
use crate::bench::row::{Row, Unit};
use crate::bench::side::{Daemon, Side};
use crate::bench::spawned::Spawned;
use crate::bench::{Bench, LIMIT};

/// Interfaces of the burst have numbers from here on.
const FIRST: usize = 30_000;
/// How long nothing has to happen before it is over with events missing.
const SILENCE: Duration = Duration::from_secs(15);

/// What one half of a burst gave.
#[derive(Debug)]
struct Half {
    /// From udevd's last broadcast to the last event.
    behind: f64,
    /// From the first change to the last event.
    took: f64,
    processor: f64,
    processes: Option<f64>,
    missing: f64,
}

/// What a burst gave.
#[derive(Debug)]
struct Burst {
    add: Half,
    remove: Half,
    memory: [f64; 2],
}

/// All figures of bursts.
pub(in crate::bench) fn measure(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let mut host = bench.host(case.kind, case.size)?;
    let many = bench.many(2000, 50);
    let both = interleaved(bench, bench.repetitions(3), |_, side| burst(&mut host, side, many))?;
    bench.keep(host);
    let figure = |name, unit, of: fn(&Burst) -> f64| {
        row(case, name, unit, both.ours.cell(of), both.theirs.cell(of))
    };
    let count = |name, of: fn(&Burst) -> Option<f64>| {
        row(case, name, Unit::Count, both.ours.cell_of(of), both.theirs.cell_of(of))
    };
    Ok(vec![
        figure("adds, behind udevd", Unit::Seconds, |burst| burst.add.behind),
        figure("adds, until quiet", Unit::Seconds, |burst| burst.add.took),
        figure("adds, processor time", Unit::Seconds, |burst| burst.add.processor),
        count("adds, processes", |burst| burst.add.processes),
        figure("adds, events missing", Unit::Count, |burst| burst.add.missing),
        figure("removals, behind udevd", Unit::Seconds, |burst| burst.remove.behind),
        figure("removals, until quiet", Unit::Seconds, |burst| burst.remove.took),
        figure("removals, processor time", Unit::Seconds, |burst| burst.remove.processor),
        count("removals, processes", |burst| burst.remove.processes),
        figure("removals, events missing", Unit::Count, |burst| burst.remove.missing),
        figure("memory before", Unit::Mebibytes, |burst| burst.memory[0]),
        figure("memory after", Unit::Mebibytes, |burst| burst.memory[1]),
    ])
}

fn burst(host: &mut Host, side: Side, many: usize) -> Result<Once<Burst>> {
    let (daemon, mut client) = match at_rest(side, host)? {
        Ok(both) => both,
        Err(after) => return Ok(Once::Stopped(after)),
    };
    client.follow()?;
    let before = process::anonymous(daemon.process())?;
    let add = half(host.links()?, &daemon, &mut client, "add", many)?;
    host.settle()?;
    process::until_quiet(daemon.process(), LIMIT)?;
    let remove = half(host.links()?, &daemon, &mut client, "remove", many)?;
    host.settle()?;
    process::until_quiet(daemon.process(), LIMIT)?;
    let memory = [before, process::anonymous(daemon.process())?];
    Ok(Once::Took(Burst { add, remove, memory }))
}

fn half(
    links: &mut Links,
    daemon: &Daemon,
    client: &mut Client,
    action: &str,
    many: usize,
) -> Result<Half> {
    let what = if action == "add" { Lifecycle::Created } else { Lifecycle::Deleted };
    let spawned = Spawned::listen().ok();
    links.heard();
    let (used, begun) = (process::seconds_used(daemon.process())?, Instant::now());
    let (left, last) = std::thread::scope(|scope| -> Result<_> {
        let links = &mut *links;
        let changes = scope.spawn(move || match action {
            "add" => links.add_all(FIRST..FIRST + many, Stay::Burst),
            _ => links.remove_all(),
        });
        let (mut left, mut last) = (many, begun);
        while left > 0 {
            let Some(told) = client.told(SILENCE)? else { break };
            if told.what == Some(what) {
                (left, last) = (left - 1, told.at);
            }
        }
        changes.join().expect("a change of links does not panic")?;
        Ok((left, last))
    })?;
    let heard = links.heard();
    let of_action = heard.iter().filter(|broadcast| broadcast.action == action);
    let broadcast = of_action.map(|broadcast| broadcast.at).max().unwrap_or(begun);
    let processor = process::seconds_used(daemon.process())? - used;
    let processes = spawned.and_then(|spawned| spawned.by(daemon.process())).map(f64::from);
    #[expect(clippy::cast_precision_loss, reason = "there are not so many events")]
    let missing = left as f64;
    let (behind, took) = (seconds_between(broadcast, last), seconds_between(begun, last));
    Ok(Half { behind, took, processor, processes, missing })
}
