//! `nodedev record`: the sources, run in this process, and what they say on a file.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use nodedev_driver::registry::{Registry, SourceState};
use nodedev_recording::{End, Options, Recorder, Summary, create, create_new, kernel};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Args, Record};
use crate::connect::{CLOSE, driver_config};
use crate::output::Output;
use crate::status::Failure;

pub(crate) async fn run(args: &Args, record: &Record, output: &Output) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let config = driver_config(args)?;
    let options = Options::new(concat!("nodedev ", env!("CARGO_PKG_VERSION")))
        .with_kernel(kernel())
        .with_scrub(record.scrub)
        .with_limit(record.max_size << 20);
    let out = open(record)?;
    let mut recorder = None;
    let registry = nodedev_driver::start_through(config, [], |sources| {
        let started = Recorder::start(out, &options, sources);
        let (started, sources) =
            started.with_context(|| format!("cannot write {}", record.file.display()))?;
        recorder = Some(started);
        anyhow::Ok(sources)
    });
    let registry = registry.map_err(|error| Failure::Other(format!("{error:#}")))?;
    let Some(recorder) = recorder else { return Ok(()) };
    tokio::select! {
        () = proceed(record, &registry, &mut signals, output) => {}
        () = recorder.ended() => {}
    }
    let result = finish(record, &recorder, &registry, &mut signals, output).await;
    // A source that does not end in time ends with the process.
    let _ = tokio::time::timeout(CLOSE, registry.shutdown()).await;
    result
}

/// All that is to be recorded. The first signal ends the going on, the next one what is left to be read.
async fn proceed(record: &Record, registry: &Registry, signals: &mut Signals, output: &Output) {
    let begin = async {
        registry.ready().await;
        read_documents(registry).await;
    };
    if signals.or(begin).await.is_none() {
        return;
    }
    if !record.follow && record.time.is_none() {
        return;
    }
    let count = registry.snapshot().len();
    let until = match record.time {
        Some(time) => format!("for {time:?}"),
        None => "until interrupted".to_owned(),
    };
    output.note(format_args!("{count} devices are recorded, going on {until}"));
    signals.or(wait(record.time)).await;
    signals.or(read_documents(registry)).await;
}

async fn wait(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// What documents need is read when they are asked for, and recorded then.
async fn read_documents(registry: &Registry) {
    let snapshot = registry.snapshot();
    for device in snapshot.devices() {
        // One that goes meanwhile is recorded as gone.
        let _ = registry.refresh(&device.name).await;
    }
}

async fn finish(
    record: &Record,
    recorder: &Recorder,
    registry: &Registry,
    signals: &mut Signals,
    output: &Output,
) -> Result<(), Failure> {
    let Some(finished) = signals.or(write_rest(recorder, output)).await else {
        output.warning("the recording breaks off: what it is written to takes nothing");
        return Ok(());
    };
    let summary = finished.map_err(|error| cannot_write(&record.file, error))?;
    for source in registry.sources() {
        if let SourceState::Degraded(reason) = source.state {
            output.warning(format_args!("{} is recorded as degraded: {reason}", source.name));
        }
    }
    match summary.end {
        End::Full => output.warning(format_args!(
            "the recording ended at {} MiB: more than that is asked for with --max-size",
            record.max_size
        )),
        End::Behind => output.warning("the recording ended: what it is written to is too slow"),
        _ => {}
    }
    let (file, count, size) = (record.file.display(), registry.snapshot().len(), summary.bytes);
    output.note(format_args!("{file}: {count} devices, {} KiB", size.div_ceil(1024)));
    if !record.scrub {
        output.note("it names serial numbers, addresses and uuids: --scrub replaces them");
    }
    Ok(())
}

/// Whoever reads along may take his time, or may never read: a user can tell, and is told how to.
async fn write_rest(recorder: &Recorder, output: &Output) -> io::Result<Summary> {
    let mut finished = pin!(recorder.finish());
    if let Ok(finished) = tokio::time::timeout(CLOSE, &mut finished).await {
        return finished;
    }
    output.note("waiting for what it is written to; a signal waits no longer");
    finished.await
}

/// Before the sources start: what was recorded earlier may be all that is left of a fault.
fn open(record: &Record) -> Result<Box<dyn Write + Send>, Failure> {
    let file = &record.file;
    if file.as_os_str() == "-" {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let opened = if record.force { create(file) } else { create_new(file) };
    match opened {
        Ok(out) => Ok(Box::new(out)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = file.display();
            Err(Failure::CommandLine(format!("{file} is there already: --force replaces it")))
        }
        Err(error) => Err(cannot_write(file, error)),
    }
}

fn cannot_write(file: &Path, error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::other(&format!("cannot write {}", file.display()), error),
    }
}

/// What a user ends it with.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// The end of the terminal, for whoever lives in one.
    hangup: Option<Signal>,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())?, hangup: None })
    }

    /// The same with the end of the terminal.
    pub(crate) fn of_terminal() -> Result<Self, Failure> {
        let hangup = Some(listen(SignalKind::hangup())?);
        Ok(Self { hangup, ..Self::new()? })
    }

    /// What comes of it, unless a signal comes first.
    pub(crate) async fn or<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = future => Some(done),
            () = self.next() => None,
        }
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            Some(()) = async { self.hangup.as_mut()?.recv().await } => {}
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::other("cannot listen to signals", error))
}
