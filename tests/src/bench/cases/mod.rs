//! How each group of cases is measured. Here is what they share.

pub mod burst;
pub mod crowd;
pub mod events;
pub mod list;
pub mod memory;
pub mod start;
pub mod unrelated;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nodedev_rpc::Lifecycle;

use super::case::Case;
use super::client::{Client, Told};
use super::host::Host;
use super::links::Stay;
use super::row::{Cell, Row, Unit};
use super::sample::Statistic;
use super::side::{Daemon, Side};
use super::{Bench, LIMIT};

/// A figure of a case, the median.
fn row(case: &Case, figure: &'static str, unit: Unit, ours: Cell, theirs: Cell) -> Row {
    let (case, statistic) = (case.name.clone(), Statistic::Median);
    Row { case, figure, unit, statistic, ours, theirs, bound: Cell::Absent }
}

/// A daemon at rest with a client, or how long it was waited for.
fn at_rest(side: Side, host: &Host) -> Result<Result<(Daemon, Client), Duration>> {
    let begun = Instant::now();
    match Daemon::at_rest(side, host, LIMIT) {
        Ok(both) => Ok(Ok(both)),
        Err(_) if begun.elapsed() >= LIMIT => Ok(Err(LIMIT)),
        Err(error) => Err(error),
    }
}

/// Both daemons at rest beside each other; libvirt's only if it is measured.
fn both_at_rest(bench: &Bench<'_>, host: &Host) -> Result<(Daemon, Option<Daemon>)> {
    let start = |side: Side| {
        bench.progress(&format!("starting {}", side.name()));
        Daemon::at_rest(side, host, LIMIT).with_context(|| side.name())
    };
    let (ours, _) = start(Side::Ours)?;
    let theirs = if bench.has_peer() { Some(start(Side::Theirs)?.0) } else { None };
    Ok((ours, theirs))
}

/// Waits until the client is told that this device has come or gone. How often it was told that others,
/// or this one, are different meanwhile.
fn until_told(client: &mut Client, what: Lifecycle, device: &str) -> Result<(Instant, usize)> {
    let deadline = Instant::now() + LIMIT;
    let mut updates = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let told = client.told(left)?;
        let Told { at, what: told, device: name } =
            told.with_context(|| format!("no word of {device}"))?;
        if told == Some(what) && name == device {
            return Ok((at, updates));
        }
        updates += usize::from(told.is_none());
    }
}

/// What came of a change of an interface.
#[derive(Debug)]
struct Changed<T> {
    /// When udevd broadcast it.
    broadcast: Instant,
    /// What was awaited.
    result: T,
}

/// Makes or removes an interface while something is awaited: the kernel answers who removes one only
/// when it is done with it, long after it has told udevd.
fn change<T>(
    host: &mut Host,
    what: Lifecycle,
    number: usize,
    await_it: impl FnOnce() -> Result<T>,
) -> Result<Changed<T>> {
    let links = host.links()?;
    links.heard();
    let result = std::thread::scope(|scope| {
        let changing = scope.spawn(|| match what {
            Lifecycle::Created => links.add(number, Stay::Always),
            _ => links.remove(number),
        });
        let result = await_it();
        changing.join().ok().context("the change of an interface broke")??;
        result
    })?;
    let action = if what == Lifecycle::Created { "add" } else { "remove" };
    Ok(Changed { broadcast: host.links()?.until(action, number)?, result })
}

/// From one moment to another, which may be the earlier one.
fn seconds_between(from: Instant, to: Instant) -> f64 {
    match to.checked_duration_since(from) {
        Some(after) => after.as_secs_f64(),
        None => -from.duration_since(to).as_secs_f64(),
    }
}
