//! What no daemon can do with less: a bare loop that reads the same files, once each, and does nothing
//! with them. Which files they are, strace tells of our daemon.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use super::host::Host;
use crate::parity::stage::INSIDE;

/// System calls that open a file or read a link.
const TRACED: &str = "trace=open,openat,readlink,readlinkat";
const PROGRAM: &str = "bare";
const LIST: &str = "bare.list";

/// How long the loop took.
#[derive(Debug, Clone, Copy)]
pub struct Bare {
    /// From its start to its end.
    pub seconds: f64,
    /// Processor time.
    pub processor: f64,
}

/// A loop over files, ready to be run on a host.
#[derive(Debug)]
pub struct Bound {
    /// How many files, folders and links it reads.
    pub reads: usize,
}

/// A strace that writes down what a command, or a process, opens.
#[derive(Debug)]
pub struct Trace {
    file: PathBuf,
}

impl Trace {
    /// The trace will lie in the stage's folder.
    #[must_use]
    pub fn on(host: &Host) -> Self {
        Self { file: host.stage.outside("trace") }
    }

    /// The command under strace, which ends with it.
    #[must_use]
    pub fn of(&self, command: &Command) -> Command {
        let mut traced = Command::new("setpriv");
        traced.args(["--pdeathsig", "KILL"]);
        self.strace(&mut traced);
        // Without it every other call would stop the daemon too.
        traced.arg("--seccomp-bpf").arg(command.get_program()).args(command.get_args());
        traced.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        traced
    }

    /// What looks on at a process until it is interrupted.
    #[must_use]
    pub fn attached_to(&self, process: u32) -> Command {
        let mut traced = Command::new("setpriv");
        traced.args(["--pdeathsig", "KILL"]);
        self.strace(&mut traced);
        traced.args(["-p", &process.to_string()]);
        traced.stdin(Stdio::null()).stdout(Stdio::null());
        traced
    }

    fn strace(&self, command: &mut Command) {
        command.args(["strace", "-f", "-y", "-s", "4096", "-e", TRACED, "-e", "signal=none", "-o"]);
        command.arg(&self.file);
    }

    /// What was read below /sys and /run/udev, each once: `f` a file, `d` a folder, `l` a link.
    ///
    /// # Errors
    ///
    /// When there is no trace.
    pub fn reads(&self) -> Result<BTreeSet<String>> {
        Ok(self.calls()?.iter().filter_map(|call| read_of(call)).collect())
    }

    /// How many files were opened, of whatever kind.
    ///
    /// # Errors
    ///
    /// When there is no trace.
    pub fn opened(&self) -> Result<usize> {
        let opens = |call: &&String| call.contains("open") && !call.contains(" = -1 ");
        Ok(self.calls()?.iter().filter(opens).count())
    }

    fn calls(&self) -> Result<Vec<String>> {
        let text = fs::read(&self.file).context("strace wrote nothing")?;
        Ok(whole_calls(&String::from_utf8_lossy(&text)))
    }
}

impl Bound {
    /// Makes the loop for these files.
    ///
    /// # Errors
    ///
    /// When there are none, or the loop's program is not there.
    pub fn of(host: &Host, reads: &BTreeSet<String>) -> Result<Self> {
        ensure!(!reads.is_empty(), "the daemon has read no file");
        let lines: String = reads.iter().flat_map(|read| [read.as_str(), "\n"]).collect();
        fs::write(host.stage.outside(LIST), lines)?;
        fs::copy(program()?, host.stage.outside(PROGRAM))?;
        Ok(Self { reads: reads.len() })
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn run(&self, host: &Host) -> Result<Bare> {
        let mut command = host.command(&format!("{INSIDE}/{PROGRAM}"));
        command.arg(format!("{INSIDE}/{LIST}"));
        let (before, begun) = (of_children()?, Instant::now());
        let ran = crate::command::run(&mut command);
        let bare =
            Bare { seconds: begun.elapsed().as_secs_f64(), processor: of_children()? - before };
        ensure!(ran.status == Some(0), "the bare loop failed: {}", ran.stderr.trim());
        Ok(bare)
    }
}

/// Beside this program, or beside what is measured.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(PROGRAM));
    let given = std::env::var_os("NODEDEV_PROGRAMS").map(|folder| Path::new(&folder).join(PROGRAM));
    let mut places = given.into_iter().chain(beside);
    places.find(|place| place.is_file()).context("the program `bare` has not been built")
}

fn of_children() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let seconds = time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        seconds
    };
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// The calls of a trace, each on a line: strace cuts a call in two that others came between.
fn whole_calls(trace: &str) -> Vec<String> {
    let (mut calls, mut begun) = (Vec::new(), HashMap::new());
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, start);
        } else if let Some((_, end)) = call.split_once(" resumed>") {
            let start = begun.remove(thread).unwrap_or_default();
            calls.push(format!("{}{end}", start.trim_start()));
        } else {
            calls.push(call.trim_start().to_owned());
        }
    }
    calls
}

/// What a call of the trace has read, by its path on the host that the daemon sees.
fn read_of(call: &str) -> Option<String> {
    if call.contains(" = -1 ") {
        return None;
    }
    let (name, arguments) = call.split_once('(')?;
    // `AT_FDCWD</x>, "path"`, `7</x>, "path"`, or the path alone.
    let (before, rest) = arguments.split_once('"')?;
    let (path, rest) = rest.split_once('"')?;
    let folder = before.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>'));
    let path = match folder {
        Some((folder, _)) if !path.starts_with('/') => format!("{folder}/{path}"),
        _ => path.to_owned(),
    };
    let kind = match name {
        "readlink" | "readlinkat" => 'l',
        _ if rest.contains("O_DIRECTORY") => 'd',
        // A path that is only walked along is not read.
        _ if rest.contains("O_PATH") || rest.contains("O_WRONLY") => return None,
        _ => 'f',
    };
    let places = ["/sys/", "/run/udev/"];
    let start = places.iter().filter_map(|place| path.find(place)).min()?;
    Some(format!("{kind} {}", path[start..].trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_told_by_its_path_on_the_host() {
        for (line, read) in [
            (
                r#"openat(AT_FDCWD</>, "/mnt/host/sys/bus/pci/devices", O_RDONLY|O_DIRECTORY) = 5</x>"#,
                Some("d /sys/bus/pci/devices"),
            ),
            (
                r#"openat(5</r/mnt/host/sys/devices/a>, "uevent", O_RDONLY|O_CLOEXEC) = 6</y>"#,
                Some("f /sys/devices/a/uevent"),
            ),
            (r#"open("/run/udev/data/n3", O_RDONLY) = 6</y>"#, Some("f /run/udev/data/n3")),
            (
                r#"readlink("/mnt/host/sys/devices/a/driver", "../../b", 4096) = 7"#,
                Some("l /sys/devices/a/driver"),
            ),
            (r#"openat(AT_FDCWD</>, "/sys/a", O_RDONLY) = -1 ENOENT (No such file)"#, None),
            (r#"openat(AT_FDCWD</>, "/sys/a", O_RDONLY|O_PATH) = 3</sys/a>"#, None),
            (r#"openat(AT_FDCWD</>, "/etc/ld.so.cache", O_RDONLY) = 3</etc/x>"#, None),
            ("+++ exited with 0 +++", None),
        ] {
            assert_eq!(read_of(line).as_deref(), read, "{line}");
        }
    }

    #[test]
    fn a_call_that_was_cut_in_two_is_whole_again() {
        let trace = "7  openat(AT_FDCWD</>, \"/sys/a\", O_RDONLY <unfinished ...>\n\
                     8  readlink(\"/sys/b\",  <unfinished ...>\n\
                     7  <... openat resumed>) = -1 ENOENT (No such file)\n\
                     8  <... readlink resumed>\"../c\", 4096) = 4\n";
        let calls = whole_calls(trace);
        assert_eq!(
            calls[0],
            "openat(AT_FDCWD</>, \"/sys/a\", O_RDONLY) = -1 ENOENT (No such file)"
        );
        assert_eq!(read_of(&calls[1]).as_deref(), Some("l /sys/b"));
        assert_eq!(calls.len(), 2);
    }
}
