//! Many clients at once: that list, and that are told.

use std::os::fd::AsFd as _;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nodedev_rpc::Lifecycle;

use super::{at_rest, both_at_rest, change, row, seconds_between};
use crate::bench::Bench;
use crate::bench::case::Case;
use crate::bench::client::Client;
use crate::bench::host::Host;
use crate::bench::links::device;
use crate::bench::process;
use crate::bench::rounds::{Once, interleaved};
use crate::bench::row::{Row, Unit};
use crate::bench::side::Side;

/// How often each client lists.
const LISTS: usize = 3;
/// Interfaces of these tests have numbers from here on.
const FIRST: usize = 40_000;

/// How many lists all clients together are given in a second.
pub(in crate::bench) fn clients(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let host = bench.host(case.kind, case.size)?;
    let (ours, theirs) = both_at_rest(bench, &host)?;
    let many = bench.many(100, 10);
    let both = interleaved(bench, bench.repetitions(3), |_, side| {
        let daemon = if side == Side::Ours { &ours } else { theirs.as_ref().unwrap_or(&ours) };
        let clients = (0..many).map(|_| daemon.client()).collect::<Result<Vec<_>>>()?;
        let used = process::seconds_used(daemon.process())?;
        let throughput = list_at_once(clients)?;
        let processor = process::seconds_used(daemon.process())? - used;
        Ok(Once::Took([throughput, processor]))
    })?;
    drop((ours, theirs));
    bench.keep(host);
    let figure = |name, unit, at: usize| {
        let of = |pass: &[f64; 2]| pass[at];
        row(case, name, unit, both.ours.cell(of), both.theirs.cell(of))
    };
    Ok(vec![
        figure("lists of 100 clients", Unit::PerSecond, 0),
        figure("processor time", Unit::Seconds, 1),
    ])
}

#[expect(clippy::cast_precision_loss, reason = "there are not so many lists")]
fn list_at_once(clients: Vec<Client>) -> Result<f64> {
    let (count, barrier) = (clients.len(), Barrier::new(clients.len() + 1));
    std::thread::scope(|scope| {
        let lister = |mut client: Client| {
            let barrier = &barrier;
            move || -> Result<Instant> {
                barrier.wait();
                client.wait_until(Instant::now() + Duration::from_secs(110))?;
                (0..LISTS).try_for_each(|_| client.list_raw().map(drop))?;
                Ok(Instant::now())
            }
        };
        let threads: Vec<_> =
            clients.into_iter().map(|client| scope.spawn(lister(client))).collect();
        barrier.wait();
        let begun = Instant::now();
        let mut last = begun;
        for thread in threads {
            let ended = thread.join().ok().context("a client broke")??;
            last = last.max(ended);
        }
        Ok((count * LISTS) as f64 / last.duration_since(begun).as_secs_f64())
    })
}

/// What a turn with subscribers gave.
#[derive(Debug)]
struct Turn {
    told: Vec<f64>,
    memory: [f64; 2],
}

/// How long it takes until all subscribers know.
pub(in crate::bench) fn subscribers(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let mut host = bench.host(case.kind, case.size)?;
    let many = bench.many(1000, 20);
    let both = interleaved(bench, bench.repetitions(2), |_, side| turn(&mut host, side, many))?;
    bench.keep(host);
    let told: fn(&Turn) -> &[f64] = |turn| &turn.told;
    let (ours, theirs) = (both.ours.cell_of_all(told), both.theirs.cell_of_all(told));
    let memory = |name, at: usize| {
        let of = |turn: &Turn| turn.memory[at];
        row(case, name, Unit::Mebibytes, both.ours.cell(of), both.theirs.cell(of))
    };
    Ok(vec![
        row(case, "until the last knows", Unit::Seconds, ours, theirs),
        memory("memory before", 0),
        memory("memory with subscribers", 1),
    ])
}

fn turn(host: &mut Host, side: Side, many: usize) -> Result<Once<Turn>> {
    let (daemon, client) = match at_rest(side, host)? {
        Ok(both) => both,
        Err(after) => return Ok(Once::Stopped(after)),
    };
    let before = process::anonymous(daemon.process())?;
    let mut clients = vec![client];
    clients.iter_mut().try_for_each(Client::follow)?;
    while clients.len() < many {
        let mut client = daemon.client()?;
        client.follow()?;
        clients.push(client);
    }
    process::until_quiet(daemon.process(), Duration::from_secs(60))?;
    let memory = [before, process::anonymous(daemon.process())?];
    let mut told = Vec::new();
    for number in FIRST..FIRST + 5 {
        for what in [Lifecycle::Created, Lifecycle::Deleted] {
            let changed = change(host, what, number, || {
                until_all_are_told(&mut clients, what, &device(number))
            })?;
            if what == Lifecycle::Created {
                told.push(seconds_between(changed.broadcast, changed.result));
            }
        }
    }
    Ok(Once::Took(Turn { told, memory }))
}

/// When the last of them was told.
fn until_all_are_told(clients: &mut [Client], what: Lifecycle, device: &str) -> Result<Instant> {
    let mut waiting: Vec<&mut Client> = clients.iter_mut().collect();
    let mut last = Instant::now();
    while !waiting.is_empty() {
        let mut polled: Vec<_> = waiting
            .iter()
            .map(|client| PollFd::new(client.stream().as_fd(), PollFlags::POLLIN))
            .collect();
        let ready = poll(&mut polled, PollTimeout::from(60_000_u16))?;
        ensure!(ready > 0, "{} clients are not told", waiting.len());
        let is_ready: Vec<_> = polled.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        let mut left = Vec::new();
        for (client, is_ready) in waiting.into_iter().zip(is_ready) {
            let told = if is_ready { client.told(Duration::from_secs(1))? } else { None };
            match told {
                Some(told) if told.what == Some(what) && told.device == device => {
                    last = last.max(told.at);
                }
                _ => left.push(client),
            }
        }
        waiting = left;
    }
    Ok(last)
}
