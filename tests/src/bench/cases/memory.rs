//! Memory of a daemon with many devices: at rest, and after others have come and gone.

use std::time::Instant;

use anyhow::Result;
use nodedev_rpc::Lifecycle;

use super::unrelated::{interface, name};
use super::{at_rest, row, until_told};
use crate::bench::case::Case;
use crate::bench::client::Client;
use crate::bench::host::Host;
use crate::bench::process;
use crate::bench::rounds::{Once, interleaved};
use crate::bench::row::{Row, Unit};
use crate::bench::side::{Daemon, Side};
use crate::bench::{Bench, LIMIT};

/// Memory at rest, while the others are there, and after they have gone.
pub(in crate::bench) fn measure(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let mut host = bench.host(case.kind, case.size)?;
    let many = bench.many(2000, 20);
    let both = interleaved(bench, 1, |_, side| burst(&mut host, side, many))?;
    bench.keep(host);
    let figure = |name, at: usize| {
        let of = |memory: &[f64; 3]| memory[at];
        row(case, name, Unit::Mebibytes, both.ours.cell(of), both.theirs.cell(of))
    };
    Ok(vec![figure("before", 0), figure("with the burst's devices", 1), figure("after", 2)])
}

fn burst(host: &mut Host, side: Side, many: usize) -> Result<Once<[f64; 3]>> {
    let (daemon, mut client) = match at_rest(side, host)? {
        Ok(both) => both,
        Err(after) => return Ok(Once::Stopped(after)),
    };
    client.follow()?;
    let begun = Instant::now();
    let found = come_and_go(host, &daemon, &mut client, many);
    for number in 0..many {
        // Those that are left when a daemon was too slow.
        host.mock()?.host_mut().remove_silently(&interface(number).syspath)?;
    }
    match found {
        Ok(memory) => Ok(Once::Took(memory)),
        Err(_) if begun.elapsed() >= LIMIT => Ok(Once::Stopped(LIMIT)),
        Err(error) => Err(error),
    }
}

fn come_and_go(
    host: &mut Host,
    daemon: &Daemon,
    client: &mut Client,
    many: usize,
) -> Result<[f64; 3]> {
    let before = process::anonymous(daemon.process())?;
    for number in 0..many {
        host.mock()?.host_mut().add(interface(number))?;
    }
    until_told(client, Lifecycle::Created, &name(many - 1))?;
    process::until_quiet(daemon.process(), LIMIT)?;
    let with = process::anonymous(daemon.process())?;
    for number in 0..many {
        host.mock()?.host_mut().remove(&interface(number).syspath)?;
    }
    until_told(client, Lifecycle::Deleted, &name(many - 1))?;
    process::until_quiet(daemon.process(), LIMIT)?;
    Ok([before, with, process::anonymous(daemon.process())?])
}
