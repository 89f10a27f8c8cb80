//! Lists and documents over one connection, both daemons at rest.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{both_at_rest, row};
use crate::bench::Bench;
use crate::bench::bound::{Bare, Bound, Trace};
use crate::bench::case::Case;
use crate::bench::client::Client;
use crate::bench::host::Host;
use crate::bench::process;
use crate::bench::rounds::{Both, Once, interleaved};
use crate::bench::row::{Cell, Row, Unit};
use crate::bench::side::{Daemon, Side};

/// The client of python-libvirt.
const CLIENT: &str = "clients/bench.py";
/// Debian's own, which has libvirt's module.
const PYTHON: &str = "/usr/bin/python3";

/// `listAllDevices`, and what is opened for it.
pub(in crate::bench) fn measure(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let host = bench.host(case.kind, case.size)?;
    let (ours, theirs) = both_at_rest(bench, &host)?;
    let daemon = |side| if side == Side::Ours { Some(&ours) } else { theirs.as_ref() };
    let mut clients = [ours.client()?, theirs.as_ref().unwrap_or(&ours).client()?];
    let lists = interleaved(bench, bench.repetitions(21), |_, side| {
        let begun = Instant::now();
        clients[usize::from(side == Side::Theirs)].list_raw()?;
        Ok(Once::Took(begun.elapsed().as_secs_f64()))
    })?;
    let opened = |side| -> Result<Cell> {
        let Some(daemon) = daemon(side) else { return Ok(Cell::Absent) };
        #[expect(clippy::cast_precision_loss, reason = "there are not so many files")]
        Ok(Cell::of(vec![opened(&host, daemon, &mut daemon.client()?)? as f64]))
    };
    bench.progress("looking which files are opened");
    let mut rows = vec![
        plain(case, "listAllDevices", &lists),
        row(case, "files opened", Unit::Count, opened(Side::Ours)?, opened(Side::Theirs)?),
    ];
    let mut python = [Python::start(&ours)?, Python::start(theirs.as_ref().unwrap_or(&ours))?];
    for (figure, verb) in [("names, python", "names"), ("listAllDevices, python", "list")] {
        let found = interleaved(bench, bench.repetitions(7), |_, side| {
            Ok(Once::Took(python[usize::from(side == Side::Theirs)].ask(verb)?))
        })?;
        rows.push(plain(case, figure, &found));
    }
    drop((ours, theirs));
    bench.keep(host);
    Ok(rows)
}

fn plain(case: &Case, figure: &'static str, both: &Both<f64>) -> Row {
    let (ours, theirs) = (both.ours.cell(|once| *once), both.theirs.cell(|once| *once));
    row(case, figure, Unit::Seconds, ours, theirs)
}

/// Time for the client, and processor time of the daemon.
#[derive(Debug)]
struct Pass {
    seconds: f64,
    processor: f64,
}

/// Every device's document, and every device's parent and capabilities.
pub(in crate::bench) fn documents(bench: &mut Bench<'_>, case: &Case) -> Result<Vec<Row>> {
    let host = bench.host(case.kind, case.size)?;
    let (ours, theirs) = both_at_rest(bench, &host)?;
    let peer = theirs.as_ref().unwrap_or(&ours);
    let mut python = [Python::start(&ours)?, Python::start(peer)?];
    bench.progress("looking which files are read");
    let reads = traced(&host, &ours, || python[0].ask("documents").map(drop))?;
    let bound = match reads.reads()? {
        reads if reads.is_empty() => None,
        reads => Some(Bound::of(&host, &reads)?),
    };
    let mut bare = Vec::new();
    let mut rows = Vec::new();
    let passes = [
        ("list and XML of all", "its processor time", "documents"),
        ("list, parent and capabilities of all", "its processor time (parents)", "parents"),
    ];
    for (figure, processor, verb) in passes {
        let both = interleaved(bench, bench.repetitions(7), |_, side| {
            if let (Side::Ours, "documents", Some(bound)) = (side, verb, &bound) {
                bare.push(bound.run(&host)?);
            }
            let (place, daemon) = if side == Side::Ours { (0, &ours) } else { (1, peer) };
            let before = process::seconds_used(daemon.process())?;
            let seconds = python[place].ask(verb)?;
            let processor = process::seconds_used(daemon.process())? - before;
            Ok(Once::Took(Pass { seconds, processor }))
        })?;
        let found = |figure, of: fn(&Pass) -> f64| {
            row(case, figure, Unit::Seconds, both.ours.cell(of), both.theirs.cell(of))
        };
        let bare = |of: fn(&Bare) -> f64| match verb {
            "documents" => Cell::of(bare.iter().map(of).collect()),
            _ => Cell::Absent,
        };
        rows.push(Row { bound: bare(|b| b.seconds), ..found(figure, |pass| pass.seconds) });
        rows.push(Row { bound: bare(|b| b.processor), ..found(processor, |pass| pass.processor) });
    }
    drop((ours, theirs));
    bench.keep(host);
    Ok(rows)
}

/// How many files the daemon opens for one list.
fn opened(host: &Host, daemon: &Daemon, client: &mut Client) -> Result<usize> {
    traced(host, daemon, || client.list_raw().map(drop))?.opened()
}

/// What the daemon opens while something is asked of it.
fn traced(host: &Host, daemon: &Daemon, ask: impl FnOnce() -> Result<()>) -> Result<Trace> {
    let trace = Trace::on(host);
    let mut command = trace.attached_to(daemon.process());
    let mut strace = command.stderr(Stdio::piped()).spawn().context("cannot start `strace`")?;
    let errors = strace.stderr.take().context("strace's errors are piped")?;
    // It says so when it has attached; with threads it says more, which has to be read.
    let mut lines = BufReader::new(errors).lines();
    let attached = lines.next().context("strace ended")??;
    if !attached.contains("attached") {
        bail!("strace does not attach: {attached}");
    }
    let drained = std::thread::spawn(move || lines.count());
    let asked = ask();
    kill(Pid::from_raw(i32::try_from(strace.id())?), Signal::SIGINT)?;
    strace.wait()?;
    let _ = drained.join();
    asked?;
    Ok(trace)
}

/// A client of python-libvirt with one connection, asked by words.
#[derive(Debug)]
struct Python {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    fn start(daemon: &Daemon) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(CLIENT);
        let mut command = Command::new(PYTHON);
        command.arg(script).arg(daemon.uri()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start python")?;
        let questions = child.stdin.take().context("its input is piped")?;
        let answers = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut python = Self { child, questions, answers };
        let line = python.line()?;
        (line == "ready").then_some(python).with_context(|| format!("python says {line:?}"))
    }

    /// Has it do something, and gives back how many seconds that took.
    fn ask(&mut self, verb: &str) -> Result<f64> {
        writeln!(self.questions, "{verb}")?;
        let line = self.line()?;
        line.parse().with_context(|| format!("python says {line:?}"))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
