//! The log: what goes into it, and where it goes. Writes nothing itself.

use std::fs::{File, OpenOptions};
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Layered, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::args::Args;
use crate::settings::{Log, LogFilter, LogOutput, LogPlace};

const VARIABLE: &str = "NODEDEVD_LOG";
const JOURNAL: &str = "/run/systemd/journal/socket";

/// libvirt's names of parts that mean something here, and the beginning of ours. Others do not.
const PARTS: &[(&str, &str)] = &[
    ("nodedev", "nodedev"),
    ("node_device", "nodedev"),
    ("rpc", "nodedev_server"),
    ("udev", "nodedev_source_udev"),
    ("mdevctl", "nodedev_source_mdevctl"),
    ("exec", "nodedev_source_exec"),
];

type Filtered = Layered<reload::Layer<EnvFilter, Registry>, Registry>;
type Output = Box<dyn Layer<Filtered> + Send + Sync>;

/// A log that runs.
#[derive(Debug)]
pub(crate) struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
    /// What is written to standard error goes nowhere else.
    pub(crate) only_stderr: bool,
}

impl LogControl {
    /// Starts the log.
    ///
    /// # Errors
    ///
    /// When what to log cannot be understood, or a file cannot be written.
    pub(crate) fn start(args: &Args, log: &Log) -> anyhow::Result<Self> {
        let mut warnings = Vec::new();
        let (layer, filter) = reload::Layer::new(filter(args, log)?);
        let (outputs, only_stderr) = outputs(log, args.background.is_some(), &mut warnings)?;
        tracing_subscriber::registry().with(layer).with(outputs).init();
        warn(&warnings);
        Ok(Self { filter, only_stderr })
    }

    /// What these settings say is to be logged. Where it goes stays.
    ///
    /// # Errors
    ///
    /// When it cannot be understood.
    pub(crate) fn load(args: &Args, log: &Log) -> anyhow::Result<EnvFilter> {
        filter(args, log)
    }

    /// Logs this from now on.
    ///
    /// # Errors
    ///
    /// When the log has ended.
    pub(crate) fn take_over(&self, filter: EnvFilter) -> anyhow::Result<()> {
        self.filter.reload(filter).context("cannot change the log")
    }
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// The command line counts most, then the environment, then the file.
fn filter(args: &Args, log: &Log) -> anyhow::Result<EnvFilter> {
    let parse = |origin: &str, text: &str| {
        EnvFilter::try_new(text).with_context(|| format!("{origin} `{text}`: not a log filter"))
    };
    if let Some(text) = &args.log {
        return parse("--log", text);
    }
    match args.verbose {
        0 => {}
        1 => return parse("-v", "info,nodedev=debug"),
        _ => return parse("-v", "trace"),
    }
    match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => parse(VARIABLE, &text),
        _ => parse("the configuration", &directives(log)),
    }
}

fn directives(log: &Log) -> String {
    let mut directives = vec![level_name(log.level.unwrap_or(2)).to_owned()];
    for LogFilter { level, part } in &log.filters {
        let ours = PARTS.iter().find(|(name, _)| name == part);
        directives.extend(ours.map(|(_, ours)| format!("{ours}={}", level_name(*level))));
    }
    directives.join(",")
}

/// Whether this name of libvirt's stands for something here.
pub(crate) fn has_part(part: &str) -> bool {
    PARTS.iter().any(|(name, _)| *name == part)
}

const fn level_name(level: u8) -> &'static str {
    match level {
        1 => "debug",
        2 => "info",
        3 => "warn",
        _ => "error",
    }
}

fn level_filter(level: u8) -> LevelFilter {
    match level {
        1 => LevelFilter::TRACE,
        2 => LevelFilter::INFO,
        3 => LevelFilter::WARN,
        _ => LevelFilter::ERROR,
    }
}

/// What goes where. Whether it is only to standard error comes second.
fn outputs(
    log: &Log,
    background: bool,
    warnings: &mut Vec<String>,
) -> anyhow::Result<(Vec<Output>, bool)> {
    let mut outputs = Vec::new();
    let mut only_stderr = true;
    for LogOutput { level, place } in &log.outputs {
        let (output, kept) = match place {
            LogPlace::Stderr => (stderr(), false),
            LogPlace::Journal | LogPlace::Syslog => journal_or_stderr(warnings),
            LogPlace::File(path) => (file(path)?, true),
        };
        outputs.push(output.with_filter(level_filter(*level)).boxed());
        only_stderr &= !kept;
    }
    if outputs.is_empty() {
        let journal =
            stderr_is_the_journal() || background && std::fs::exists(JOURNAL).unwrap_or(false);
        let (output, kept) = if journal { journal_or_stderr(warnings) } else { (stderr(), false) };
        outputs.push(output);
        only_stderr = !kept;
    }
    Ok((outputs, only_stderr))
}

fn stderr() -> Output {
    let terminal = std::io::stderr().is_terminal();
    fmt::layer().with_ansi(terminal).with_writer(std::io::stderr).boxed()
}

fn file(path: &Path) -> anyhow::Result<Output> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    Ok(fmt::layer().with_ansi(false).with_writer(Arc::new(file)).boxed())
}

/// The journal, and true; or what there is.
fn journal_or_stderr(warnings: &mut Vec<String>) -> (Output, bool) {
    match tracing_journald::layer() {
        Ok(layer) => (layer.boxed(), true),
        Err(error) => {
            warnings.push(format!("the journal cannot be reached ({error}); logging to stderr"));
            (stderr(), false)
        }
    }
}

/// systemd names the device and inode of what it has connected to the journal.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(stderr) = std::io::stderr().as_fd().try_clone_to_owned() else {
        return false;
    };
    let ours = File::from(stderr).metadata();
    ours.is_ok_and(|ours| stream == format!("{}:{}", ours.dev(), ours.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_parts_of_libvirt_become_directives() {
        let filter = |level, part: &str| LogFilter { level, part: part.to_owned() };
        assert_eq!(directives(&Log::default()), "info");
        let filters = vec![filter(1, "nodedev"), filter(1, "qemu"), filter(4, "rpc")];
        let said = Log { level: Some(3), filters, outputs: Vec::new() };
        assert_eq!(directives(&said), "warn,nodedev=debug,nodedev_server=error");
        assert!(has_part("udev") && !has_part("qemu"));
    }

    #[test]
    fn it_is_known_whether_the_log_outlives_standard_error() {
        let folder = tempfile::tempdir().unwrap();
        let stderr = LogOutput { level: 2, place: LogPlace::Stderr };
        let file = LogOutput { level: 2, place: LogPlace::File(folder.path().join("log")) };
        let lost = |outputs: &[LogOutput]| {
            let log = Log { outputs: outputs.to_vec(), ..Log::default() };
            outputs_of(&log)
        };
        assert!(lost(std::slice::from_ref(&stderr)));
        assert!(!lost(&[stderr, file]));
    }

    fn outputs_of(log: &Log) -> bool {
        outputs(log, true, &mut Vec::new()).expect("a folder of our own").1
    }
}
