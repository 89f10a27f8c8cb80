//! `nodedev watch`: one line for each event, until interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::SystemTime;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nodedev_driver::registry::{Batch, Change, ChangeKind, NextError, Snapshot, SourceState};
use nodedev_types::{Device, Diagnostic, Severity};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Watch;
use crate::connect::Connection;
use crate::output::{Ink, Output};
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
    connection: &Connection,
    output: &Output,
) -> Result<(), Failure> {
    let cannot_listen = |error| Failure::other("cannot listen to signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_listen)?;
    let (snapshot, mut events) = connection.registry().subscribe();
    let mut states = connection.registry().changes();
    let mut health = Health::default();
    health.tell(&snapshot, output);
    output.note(format_args!("watching {} devices, Ctrl-C ends", snapshot.len()));
    drop(snapshot);
    let mut closed = pin!(output_closed());
    loop {
        let next = tokio::select! {
            next = events.next() => next,
            () = &mut closed => return Ok(()),
            Ok(()) = states.changed() => {
                let snapshot = Arc::clone(&states.borrow_and_update());
                health.tell(&snapshot, output);
                continue;
            }
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        };
        match next {
            Ok(batch) => write_batch(args, &batch, output)?,
            Err(NextError::Missed(missed)) => {
                write_missed(args, missed.snapshot.generation(), output)?;
            }
            Err(NextError::Closed) => return Err(Failure::Other("the list has ended".to_owned())),
        }
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

/// What has been told of the sources, so that each thing is told once.
#[derive(Debug, Default)]
struct Health {
    degraded: BTreeMap<String, String>,
    diagnostics: BTreeSet<Diagnostic>,
}

impl Health {
    fn tell(&mut self, snapshot: &Snapshot, output: &Output) {
        let mut diagnostics = BTreeSet::new();
        for source in snapshot.sources() {
            match &source.state {
                SourceState::Degraded(reason) => {
                    let before = self.degraded.insert(source.name.clone(), reason.clone());
                    if before.as_ref() != Some(reason) {
                        output.warning(format_args!("{} is degraded: {reason}", source.name));
                    }
                }
                SourceState::Running if self.degraded.remove(&source.name).is_some() => {
                    output.note(format_args!("{} is running again", source.name));
                }
                _ => {}
            }
            let serious = source.diagnostics.iter().filter(|d| d.severity >= Severity::Warning);
            diagnostics.extend(serious.cloned());
        }
        for new in diagnostics.difference(&self.diagnostics) {
            output.warning(new);
        }
        self.diagnostics = diagnostics;
    }
}

fn write_batch(args: &Watch, batch: &Batch, output: &Output) -> Result<(), Failure> {
    let mut out = output.writer();
    for change in &batch.changes {
        if args.json {
            write_json(&mut out, change, batch)?;
        } else {
            let kind = output.paint(ink(change.kind), format_args!("{:<9}", change.kind));
            writeln!(out, "{kind} {}", change.name)?;
        }
    }
    Ok(out.flush()?)
}

fn write_json(out: &mut impl Write, change: &Change, batch: &Batch) -> Result<(), Failure> {
    let device = batch.snapshot.device(change.name.as_str());
    let line = Line {
        event: &change.kind.to_string(),
        change: Some(Named { name: &change.name, id: &change.id }),
        generation: batch.snapshot.generation(),
        time: now(),
        device: device.map(Arc::as_ref).filter(|device| device.id == change.id),
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
