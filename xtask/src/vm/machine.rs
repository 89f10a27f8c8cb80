//! One run of a machine: starts QEMU, passes on what the command prints, and waits for how it ends.
//!
//! A run has its own folder with sockets and files, which goes with it. QEMU ends when this program
//! does, however that comes about.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::channels::{self, Event, OUTPUTS, Output};
use super::console;
use super::guest::{self, Order};
use super::image::Image;
use super::qemu::{self, Accelerator, Hardware};
use crate::command::Command;

/// Everything that a run is made of.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) image: &'a Image,
    pub(super) hardware: &'a Hardware,
    pub(super) order: &'a Order,
    pub(super) accelerator: Accelerator,
    pub(super) output: Output,
    /// From the start of QEMU to the end of the command.
    pub(super) limit: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The command ended with this status.
    Status(u8),
    TimedOut,
    /// The machine failed before the command had ended; what is known of the reason.
    Died(String),
}

/// A run that is over.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) end: End,
    /// The last lines of the guest's console.
    pub(super) console: String,
}

/// How often it is seen to that QEMU still runs.
const GLANCE: Duration = Duration::from_millis(100);

/// After the end: for output that is still on its way to whoever reads it.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs the command in a machine of its own; tells `booted` how long it took until it began.
///
/// # Errors
///
/// When the run's files cannot be made or QEMU cannot be started.
pub(super) fn run(plan: &Plan<'_>, booted: &mut dyn FnMut(Duration)) -> Result<Report> {
    let began = Instant::now();
    let mut running = Running::start(plan)?;
    let end = running.wait(began, plan.limit, booted);
    running.finish(end?)
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// Until the guest has all that it needs from there.
    folder: Option<TempDir>,
    events: Receiver<Event>,
    drained: usize,
    console: File,
    /// What QEMU itself says.
    log: File,
}

impl Running {
    fn start(plan: &Plan<'_>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("nodedev-vm-").tempdir()?;
        let path = folder.path();
        let (sender, events) = channel();
        channels::open(path, plan.output, &sender)?;
        let base = &plan.image.base;
        let mut initrd = fs::read(base).with_context(|| base.display().to_string())?;
        initrd.extend(guest::session(plan.order, &plan.image.modules));
        fs::write(path.join(qemu::INITRD), initrd)?;
        let (console, log) = (kept(path, qemu::CONSOLE)?, kept(path, "log")?);
        let arguments = qemu::arguments(plan, path);
        let child = Command::bound(qemu::QEMU).args(arguments).record(&log)?.spawn()?;
        Ok(Self { child, folder: Some(folder), events, drained: 0, console, log })
    }

    fn wait(
        &mut self,
        began: Instant,
        limit: Duration,
        booted: &mut dyn FnMut(Duration),
    ) -> Result<End> {
        while began.elapsed() < limit {
            match self.events.recv_timeout(GLANCE) {
                Ok(Event::Said(line)) => match Word::read(&line) {
                    Word::Booted => {
                        booted(began.elapsed());
                        self.folder = None;
                    }
                    Word::Status(status) => return Ok(End::Status(status)),
                    Word::Failed(why) => return Ok(End::Died(why)),
                },
                Ok(Event::Drained) => self.drained += 1,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    if let Some(status) = self.child.try_wait()? {
                        return Ok(End::Died(self.reason(&status.to_string())?));
                    }
                }
            }
        }
        Ok(End::TimedOut)
    }

    /// Ends QEMU and waits until all output has been passed on.
    fn finish(mut self, end: End) -> Result<Report> {
        self.child.kill()?;
        self.child.wait()?;
        if let Some(folder) = &self.folder {
            channels::release(folder.path());
        }
        let deadline = Instant::now() + DRAIN;
        while self.drained < OUTPUTS {
            match self.events.recv_timeout(deadline - Instant::now()) {
                Ok(Event::Drained) => self.drained += 1,
                Ok(Event::Said(_)) => {}
                Err(_) => break,
            }
        }
        Ok(Report { end, console: console::tail(&text(&self.console)?) })
    }

    fn reason(&self, status: &str) -> Result<String> {
        if let Some(panic) = console::panic(&text(&self.console)?) {
            return Ok(format!("the guest's kernel panicked: {panic}"));
        }
        let log = text(&self.log)?;
        Ok(format!("QEMU ended early ({status}) {log}").trim_end().to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file that another process writes, and that can be read when its folder is gone.
fn kept(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(name);
    let file = File::options().read(true).append(true).create_new(true).open(&path);
    file.with_context(|| path.display().to_string())
}

fn text(file: &File) -> Result<String> {
    use std::io::Seek as _;
    let mut file = file.try_clone()?;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the guest says on the control channel.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Booted,
    Status(u8),
    Failed(String),
}

impl Word {
    fn read(line: &str) -> Self {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.parse()) {
            ("booted", _) => Self::Booted,
            ("status", Ok(status)) => Self::Status(status),
            ("failed", _) => Self::Failed(rest.to_owned()),
            _ => Self::Failed(format!("the guest said `{line}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_is_understood() {
        assert_eq!(Word::read("booted"), Word::Booted);
        assert_eq!(Word::read("status 127"), Word::Status(127));
        assert_eq!(Word::read("failed no udevd"), Word::Failed("no udevd".to_owned()));
        assert_eq!(Word::read("status x"), Word::Failed("the guest said `status x`".to_owned()));
    }
}
