//! `nodedev watch`: one line for each event, until interrupted.

use std::io::Write;
use std::os::fd::AsFd;
use std::pin::pin;
use std::time::SystemTime;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nodedev_types::Device;
use nodedev_varlink::{Change, ChangeKind, Filter, WatchReply};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Watch;
use crate::connect::Connection;
use crate::health::Health;
use crate::output::{Ink, Output, printable};
use crate::status::Failure;

/// One event as JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    event: &'a str,
    #[serde(flatten)]
    change: Option<Named<'a>>,
    generation: u64,
    /// Seconds since 1970.
    time: f64,
    /// The device after the event, if it is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a Device>,
}

#[derive(Debug, Serialize)]
struct Named<'a> {
    name: &'a nodedev_types::DeviceName,
    id: &'a nodedev_types::DeviceId,
}

pub(crate) async fn run(
    args: &Watch,
    connection: &mut Connection,
    output: &Output,
) -> Result<(), Failure> {
    run_until(args, connection, output, std::future::pending()).await
}

/// The same until that comes, if it does.
pub(crate) async fn run_until(
    args: &Watch,
    connection: &mut Connection,
    output: &Output,
    end: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let cannot_listen = |error| Failure::other("cannot listen to signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_listen)?;
    let count = connection.list(&Filter::default()).await?.devices.len();
    let mut watch = connection.watch().await?;
    let mut health = Health::default();
    health.tell(&watch.next().await?.sources, output);
    output.note(format_args!("watching {count} devices, Ctrl-C ends"));
    let mut closed = pin!(output_closed());
    let mut end = pin!(end);
    loop {
        let reply = tokio::select! {
            // What has happened is told before the end.
            biased;
            () = &mut closed => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            reply = watch.next() => reply?,
            () = &mut end => return Ok(()),
        };
        if reply.missed {
            write_missed(args, reply.generation, output)?;
        }
        write_changes(args, &reply, output)?;
        health.tell(&reply.sources, output);
    }
}

/// Waits until nobody reads standard output any more.
///
/// Only a system call tells it without writing. It waits in a thread of its own, which ends with the
/// process: an ordinary file never wakes it.
async fn output_closed() {
    let (closed, is_closed) = tokio::sync::oneshot::channel();
    let waiting = std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
        let stdout = std::io::stdout();
        // An error of the other end is reported unasked.
        let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        while poll(&mut fds, PollTimeout::NONE) == Err(Errno::EINTR) {}
        let _ = closed.send(());
    });
    if waiting.is_err() || is_closed.await.is_err() {
        std::future::pending().await
    }
}

fn write_changes(args: &Watch, reply: &WatchReply, output: &Output) -> Result<(), Failure> {
    let mut out = output.writer();
    for change in &reply.changes {
        if args.json {
            write_json(&mut out, change, reply.generation)?;
        } else {
            let kind = output.paint(ink(change.kind), format_args!("{:<9}", change.kind));
            writeln!(out, "{kind} {}", printable(change.name.as_str()))?;
        }
    }
    Ok(out.flush()?)
}

fn write_json(out: &mut impl Write, change: &Change, generation: u64) -> Result<(), Failure> {
    let line = Line {
        event: &change.kind.to_string(),
        change: Some(Named { name: &change.name, id: &change.id }),
        generation,
        time: now(),
        device: change.device.as_ref(),
    };
    serde_json::to_writer(&mut *out, &line)?;
    Ok(writeln!(out)?)
}

fn write_missed(args: &Watch, generation: u64, output: &Output) -> Result<(), Failure> {
    let mut out = output.writer();
    if args.json {
        let line = Line { event: "missed", change: None, generation, time: now(), device: None };
        serde_json::to_writer(&mut out, &line)?;
        writeln!(out)?;
    } else {
        let text = "missed    events were lost here: list the devices again";
        writeln!(out, "{}", output.paint(Ink::Bad, text))?;
    }
    Ok(out.flush()?)
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

const fn ink(kind: ChangeKind) -> Ink {
    match kind {
        ChangeKind::Created | ChangeKind::Defined => Ink::Good,
        ChangeKind::Deleted | ChangeKind::Undefined => Ink::Warning,
        _ => Ink::Dim,
    }
}
