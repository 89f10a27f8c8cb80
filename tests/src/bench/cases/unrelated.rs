//! Interfaces that are removed on a host with many mediated devices, which have nothing to do with them.

use std::time::Instant;

use anyhow::Result;
use nodedev_rpc::Lifecycle;
use nodedev_source_testkit::mock_host::Record;

use super::{at_rest, row, seconds_between, until_told};
use crate::bench::Bench;
use crate::bench::case::Case;
use crate::bench::host::Host;
use crate::bench::process;
use crate::bench::rounds::{Once, interleaved};
use crate::bench::row::{Row, Unit};
use crate::bench::side::Side;
use crate::bench::spawned::Spawned;

/// What some removals gave.
#[derive(Debug, Default)]
struct Removals {
    seconds: Vec<f64>,
    updates: usize,
    processes: Option<f64>,
    processor: f64,
}

/// All figures of removals.
#[expect(clippy::cast_precision_loss, reason = "there are not so many events")]
pub(in crate::bench) fn measure(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let mut host = bench.host(case.kind, case.size)?;
    let many = bench.many(20, 3);
    let both = interleaved(bench, 1, |_, side| removals(&mut host, side, many))?;
    bench.keep(host);
    let all: fn(&Removals) -> &[f64] = |removals| &removals.seconds;
    let count = |figure, of: fn(&Removals) -> Option<f64>| {
        row(case, figure, Unit::Count, both.ours.cell_of(of), both.theirs.cell_of(of))
    };
    let (ours, theirs) = (both.ours.cell_of_all(all), both.theirs.cell_of_all(all));
    let processor = |removals: &Removals| removals.processor;
    Ok(vec![
        row(case, "remove to deleted", Unit::Seconds, ours, theirs),
        count("false updates", |removals| Some(removals.updates as f64)),
        count("processes", |removals| removals.processes),
        row(
            case,
            "processor time",
            Unit::Seconds,
            both.ours.cell(processor),
            both.theirs.cell(processor),
        ),
    ])
}

fn removals(host: &mut Host, side: Side, many: usize) -> Result<Once<Removals>> {
    let (daemon, mut client) = match at_rest(side, host)? {
        Ok(both) => both,
        Err(after) => return Ok(Once::Stopped(after)),
    };
    client.follow()?;
    for number in 0..many {
        host.mock()?.host_mut().add(interface(number))?;
        until_told(&mut client, Lifecycle::Created, &name(number))?;
    }
    process::until_quiet(daemon.process(), crate::bench::LIMIT)?;
    // Events that are late have to do with what came.
    while client.told(std::time::Duration::from_millis(200))?.is_some() {}
    let (spawned, mut removals) = (Spawned::listen().ok(), Removals::default());
    let used = process::seconds_used(daemon.process())?;
    for number in 0..many {
        let begun = Instant::now();
        host.mock()?.host_mut().remove(&interface(number).syspath)?;
        let (told, updates) = until_told(&mut client, Lifecycle::Deleted, &name(number))?;
        removals.seconds.push(seconds_between(begun, told));
        removals.updates += updates;
    }
    process::until_quiet(daemon.process(), crate::bench::LIMIT)?;
    while let Some(told) = client.told(std::time::Duration::from_millis(200))? {
        removals.updates += usize::from(told.what.is_none());
    }
    removals.processor = process::seconds_used(daemon.process())? - used;
    removals.processes = spawned.and_then(|spawned| spawned.by(daemon.process())).map(f64::from);
    Ok(Once::Took(removals))
}

/// A virtual interface of a mock host.
pub(super) fn interface(number: usize) -> Record {
    let (name, index) = (format!("v{number}"), (50_000 + number).to_string());
    Record::new(&format!("/sys/devices/virtual/net/{name}"), "net")
        .property("INTERFACE", &name)
        .property("IFINDEX", &index)
        .attribute("address", &format!("{}\n", address(number).join(":")))
        .attribute("addr_len", "6\n")
        .attribute("operstate", "down\n")
}

/// Its node device.
pub(super) fn name(number: usize) -> String {
    format!("net_v{number}_{}", address(number).join("_"))
}

fn address(number: usize) -> [String; 6] {
    let [.., high, low] = number.to_be_bytes();
    [0x02, 0xaa, 0x00, 0x00, high, low].map(|byte| format!("{byte:02x}"))
}
