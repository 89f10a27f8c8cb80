//! Measuring: our daemon beside libvirt's own on the same hosts, in one run, by the same clients.
//!
//! The parts: the [cases](case) and how each is measured ([`cases`]), [hosts](host) of any size, daemons
//! ([`side`]) and what they cost, [`rounds`] in turn, figures ([`row`]), what they have to be
//! ([`goals`]), and the [`report`], which knows nothing of measuring.

pub mod bound;
pub mod case;
pub mod cases;
pub mod client;
pub mod goals;
pub mod host;
pub mod links;
pub mod process;
pub mod report;
pub mod rounds;
pub mod row;
pub mod sample;
pub mod side;
pub mod spawned;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use case::Case;
use host::{Host, Kind};
use report::Report;

/// A daemon that needs longer than this for a case is stopped.
pub const LIMIT: Duration = Duration::from_secs(120);

/// What to measure.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Globs of the cases to measure; all if there are none.
    pub cases: Vec<String>,
    /// Small sizes and few rounds.
    pub quick: bool,
    /// Ours alone.
    pub no_peer: bool,
}

impl Options {
    /// The cases that are meant.
    ///
    /// # Errors
    ///
    /// When a glob means none.
    pub fn chosen(&self) -> Result<Vec<Case>> {
        let all = case::all(self.quick);
        for pattern in &self.cases {
            let is_known = all.iter().any(|case| case::matches(pattern, &case.name));
            ensure!(is_known, "no case is called `{pattern}`; --list names them");
        }
        let is_meant = |case: &Case| {
            self.cases.is_empty() || self.cases.iter().any(|p| case::matches(p, &case.name))
        };
        Ok(all.into_iter().filter(is_meant).collect())
    }
}

/// A run: where the daemons are, and the host that was made last.
#[derive(Debug)]
pub struct Bench<'a> {
    options: &'a Options,
    root: Option<PathBuf>,
    daemon: PathBuf,
    say: Say<'a>,
    host: Option<Host>,
    case: String,
}

/// Tells people what is going on.
#[derive(Clone, Copy)]
struct Say<'a>(&'a dyn Fn(&str));

impl std::fmt::Debug for Say<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Say")
    }
}

impl<'a> Bench<'a> {
    /// A run with libvirt's daemon of the system at `root`, the machine's own if there is none.
    pub fn new(
        options: &'a Options,
        root: Option<PathBuf>,
        daemon: PathBuf,
        say: &'a dyn Fn(&str),
    ) -> Self {
        Self { options, root, daemon, say: Say(say), host: None, case: String::new() }
    }

    /// Measures the cases, one after the other. One that breaks is reported; the others go on.
    ///
    /// # Errors
    ///
    /// When a case is unknown, or the machine cannot be described.
    pub fn run(&mut self) -> Result<Report> {
        let cases = self.options.chosen()?;
        let (mut rows, mut failures) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        // Children that a burst of clients needs many descriptors for inherit the limit.
        raise_descriptors()?;
        for (number, case) in cases.iter().enumerate() {
            self.case = format!("[{}/{}] {}", number + 1, cases.len(), case.name);
            match (case.measure)(self, case) {
                Ok(measured) => rows.extend(measured),
                Err(error) => {
                    self.progress(&format!("failed: {error:#}"));
                    failures.push((case.name.clone(), format!("{error:#}")));
                    // What is left of it may be in no state for another case.
                    self.host = None;
                }
            }
        }
        self.host = None;
        let machine = report::Machine::of_this(self.root.as_deref(), self.has_peer())?;
        Ok(Report { machine, rows, failures, took: begun.elapsed(), quick: self.options.quick })
    }

    /// The host of a case: that of the case before, if it is the same. To be given back.
    pub(crate) fn host(&mut self, kind: Kind, size: usize) -> Result<Host> {
        if let Some(host) = self.host.take()
            && (host.kind, host.size) == (kind, size)
        {
            return Ok(host);
        }
        self.progress("making the host");
        Host::make(kind, size, self.root.as_deref(), &self.daemon)
    }

    /// Keeps the host for the next case.
    pub(crate) fn keep(&mut self, host: Host) {
        self.host = Some(host);
    }

    /// Says what is going on.
    pub(crate) fn progress(&self, text: &str) {
        (self.say.0)(&format!("{}: {text}", self.case));
    }

    /// Whether libvirt's daemon is measured.
    pub(crate) const fn has_peer(&self) -> bool {
        !self.options.no_peer
    }

    /// How many repetitions: the usual number, or few.
    pub(crate) const fn repetitions(&self, usual: usize) -> usize {
        match (self.options.quick, usual) {
            (true, 0..2) | (false, _) => usual,
            (true, _) => 2,
        }
    }

    /// The number, or a small one.
    pub(crate) const fn many(&self, usual: usize, few: usize) -> usize {
        if self.options.quick { few } else { usual }
    }

    /// For how long one daemon's repetitions may go on.
    pub(crate) const fn budget(&self) -> Duration {
        Duration::from_secs(if self.options.quick { 5 } else { 40 })
    }
}

/// As many descriptors as the kernel allows.
fn raise_descriptors() -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most.min(65_536), most).context("no more descriptors")
}
