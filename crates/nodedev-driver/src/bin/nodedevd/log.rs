//! The log: what goes into it, and where it goes. Writes nothing itself.

use std::fs::{File, OpenOptions};
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Layered, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::args::Args;
use crate::settings::Log;

const VARIABLE: &str = "NODEDEVD_LOG";
const JOURNAL: &str = "/run/systemd/journal/socket";

/// libvirt's names of parts that mean something here, and the beginning of ours. Others do not.
const PARTS: &[(&str, &str)] = &[
    ("nodedev", "nodedev"),
    ("node_device", "nodedev"),
    ("rpc", "nodedev_server"),
    ("udev", "nodedev_source_udev"),
    ("mdevctl", "nodedev_source_mdevctl"),
];

type Filtered = Layered<reload::Layer<EnvFilter, Registry>, Registry>;
type Output = Box<dyn Layer<Filtered> + Send + Sync>;

/// A log that runs.
#[derive(Debug)]
pub(crate) struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LogControl {
    /// Starts the log.
    ///
    /// # Errors
    ///
    /// When what to log cannot be understood, or a file cannot be written.
    pub(crate) fn start(args: &Args, log: &Log) -> anyhow::Result<Self> {
        let mut warnings = Vec::new();
        let (layer, filter) = reload::Layer::new(filter(args, log, &mut warnings)?);
        let outputs = outputs(log, args.background.is_some(), &mut warnings)?;
        tracing_subscriber::registry().with(layer).with(outputs).init();
        warn(&warnings);
        Ok(Self { filter })
    }

    /// Logs what these settings say from now on. Where it goes stays.
    ///
    /// # Errors
    ///
    /// As for [`LogControl::start`].
    pub(crate) fn reload(&self, args: &Args, log: &Log) -> anyhow::Result<()> {
        let mut warnings = Vec::new();
        self.filter.reload(filter(args, log, &mut warnings)?).context("cannot change the log")?;
        warn(&warnings);
        Ok(())
    }
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// The command line counts most, then the environment, then the file.
fn filter(args: &Args, log: &Log, warnings: &mut Vec<String>) -> anyhow::Result<EnvFilter> {
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
        _ => parse("the configuration", &directives(log, warnings)),
    }
}

fn directives(log: &Log, warnings: &mut Vec<String>) -> String {
    let mut directives = vec![level_name(log.level.unwrap_or(2)).to_owned()];
    for entry in &log.filters {
        let known = split_level(entry).and_then(|(level, part)| {
            let (_, ours) = PARTS.iter().find(|(name, _)| *name == part)?;
            Some(format!("{ours}={}", level_name(level)))
        });
        match known {
            Some(directive) => directives.push(directive),
            None => warnings.push(format!(
                "log_filters: `{entry}` has no effect here; --log and {VARIABLE} can say more"
            )),
        }
    }
    directives.join(",")
}

/// `N:rest`, with a level that there is.
fn split_level(entry: &str) -> Option<(u8, &str)> {
    let (level, rest) = entry.split_once(':')?;
    let level = level.parse().ok().filter(|level| (1..=4).contains(level))?;
    Some((level, rest))
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

fn outputs(log: &Log, background: bool, warnings: &mut Vec<String>) -> anyhow::Result<Vec<Output>> {
    let mut outputs = Vec::new();
    for entry in &log.outputs {
        match configured(entry, warnings) {
            Ok(output) => outputs.push(output),
            Err(error) => return Err(error.context(format!("log_outputs: `{entry}`"))),
        }
    }
    if outputs.is_empty() {
        let journal =
            stderr_is_the_journal() || background && std::fs::exists(JOURNAL).unwrap_or(false);
        outputs.push(if journal { journal_or_stderr(warnings) } else { stderr() });
    }
    Ok(outputs)
}

fn configured(entry: &str, warnings: &mut Vec<String>) -> anyhow::Result<Output> {
    let Some((level, place)) = split_level(entry) else {
        bail!("expected a level from 1 to 4, `:` and a place");
    };
    let output = match place.split_once(':').unwrap_or((place, "")) {
        ("stderr", "") => stderr(),
        ("journald", "") => journal_or_stderr(warnings),
        ("syslog", _) => {
            warnings.push(format!("log_outputs: `{entry}`: the journal stands in for syslog"));
            journal_or_stderr(warnings)
        }
        ("file", path) if path.starts_with('/') => file(path)?,
        _ => bail!("expected stderr, journald or file:/PATH after the level"),
    };
    Ok(output.with_filter(level_filter(level)).boxed())
}

fn stderr() -> Output {
    let terminal = std::io::stderr().is_terminal();
    fmt::layer().with_ansi(terminal).with_writer(std::io::stderr).boxed()
}

fn file(path: &str) -> anyhow::Result<Output> {
    let file = OpenOptions::new().append(true).create(true).open(path).context("cannot open it")?;
    Ok(fmt::layer().with_ansi(false).with_writer(Arc::new(file)).boxed())
}

fn journal_or_stderr(warnings: &mut Vec<String>) -> Output {
    match tracing_journald::layer() {
        Ok(layer) => layer.boxed(),
        Err(error) => {
            warnings.push(format!("the journal cannot be reached ({error}); logging to stderr"));
            stderr()
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

    fn log(level: Option<u8>, filters: &[&str]) -> Log {
        let filters = filters.iter().map(|text| (*text).to_owned()).collect();
        Log { level, filters, outputs: Vec::new() }
    }

    #[test]
    fn levels_and_parts_of_libvirt_become_directives() {
        let mut warnings = Vec::new();
        assert_eq!(directives(&Log::default(), &mut warnings), "info");
        let said = log(Some(3), &["1:nodedev", "4:rpc"]);
        assert_eq!(directives(&said, &mut warnings), "warn,nodedev=debug,nodedev_server=error");
        assert_eq!(warnings, [""; 0]);
        assert_eq!(directives(&log(None, &["1:qemu", "9:rpc", "x"]), &mut warnings), "info");
        assert_eq!(warnings.len(), 3);
        assert!(warnings[0].contains("`1:qemu`"), "{warnings:?}");
    }

    #[test]
    fn outputs_that_are_none_are_refused() {
        for entry in ["stderr", "5:stderr", "1:printer", "1:file:relative", "1:file:/no/such/dir/x"]
        {
            assert!(configured(entry, &mut Vec::new()).is_err(), "{entry}");
        }
        assert!(configured("1:stderr", &mut Vec::new()).is_ok());
    }
}
