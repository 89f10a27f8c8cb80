//! Running mdevctl: the only place of this crate that makes a process.
//!
//! Never through a shell. Every run has a deadline and a bound on what it prints, and ends with the
//! whole process group killed (callout scripts outlive mdevctl, killed or not, and may keep its pipes open)
//! and the child reaped, also when its future is dropped. The group is killed before its head is reaped: its
//! number is nobody else's then. Only what an action leaves that has come to its end may stay. A listing that does
//! not even end when it is killed is given up, and is the last of its kind until it has ended.

use std::env;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use nodedev_source::{ErrorKind, SourceError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::timeout;

use crate::config::MdevctlConfig;
use crate::counts::Counts;
use crate::entry::shorten;
use crate::left_behind::LeftBehind;
use crate::remains::{Remains, is_running};

/// More than this of its complaints, and of what it prints that is no listing, is of no use to anybody.
pub(crate) const WORDS: u64 = 64 << 10;
/// Characters of a line of complaint: room for a path and a reason.
const LINE_LIMIT: usize = 200;
/// Lines of complaint that are shown.
const LINES: usize = 4;
/// How long a killed process is waited for before it is left to tokio's reaper.
const REAP_PATIENCE: Duration = Duration::from_secs(1);

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Output {
    /// How the run failed, in its own words where it had any.
    pub(crate) fn complaint(&self) -> String {
        match last_words(&self.stderr) {
            words if words.is_empty() => self.status.to_string(),
            words => format!("{}: {words}", self.status),
        }
    }
}

/// Where the program is now: a bare name is looked up in `PATH`.
pub(crate) fn locate(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return program.exists().then(|| program.to_owned());
    }
    let path = env::var_os("PATH")?;
    let found: Vec<_> = env::split_paths(&path)
        .map(|directory| directory.join(program))
        .filter(|candidate| candidate.is_file())
        .collect();
    let runnable = found.iter().find(|candidate| is_executable(candidate));
    runnable.or_else(|| found.first()).cloned()
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// What is asked of the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) arguments: &'a [&'a str],
    /// What it reads from its standard input.
    pub(crate) input: &'a [u8],
    pub(crate) deadline: Duration,
    /// Bytes of what it prints that are kept. Further ones are read, as far as it may print any.
    pub(crate) keeps: u64,
    /// Where it is noted that processes of it go on when it has ended; without it they are killed.
    pub(crate) may_leave: Option<&'a LeftBehind>,
    /// Where it is noted that it did not end when it was killed, for those that are to be no more than one.
    pub(crate) remains: Option<&'a Remains>,
}

/// Runs the program to its end.
///
/// # Errors
///
/// `Unavailable` when it has gone, `PermissionDenied`, `Timeout` past the deadline and while an earlier run of
/// its kind hangs, `Malformed` beyond the output limit, `Failed` for any other reason. A status other than 0 is
/// no error here.
pub(crate) async fn run(
    config: &MdevctlConfig,
    counts: &Counts,
    program: &Path,
    run: Run<'_>,
) -> Result<Output, SourceError> {
    let subject = format!("{} {}", config.program.display(), run.arguments.join(" "));
    if let Some(remains) = run.remains {
        let hangs = still_hangs(remains).await.map_err(|error| spawn_error(&subject, error))?;
        if let Some(pid) = hangs {
            let message =
                format!("{subject}: an earlier run (pid {pid}) was killed and still hangs");
            return Err(SourceError::new(ErrorKind::Timeout, message));
        }
    }
    let _running = counts.begin();
    let result = run_uncounted(config, program, run, &subject).await;
    counts.note(&result);
    result
}

async fn run_uncounted(
    config: &MdevctlConfig,
    program: &Path,
    run: Run<'_>,
    subject: &str,
) -> Result<Output, SourceError> {
    let mut group =
        ProcessGroup::spawn(program, run).map_err(|error| spawn_error(subject, error))?;
    let result = timeout(run.deadline, group.collect(run, config.output_limit)).await;
    match result {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(failure)) => {
            group.end().await;
            Err(failure.into_error(subject, config))
        }
        Err(_) => {
            group.end().await;
            let message = format!("{subject}: no answer within {:?}", run.deadline);
            Err(SourceError::new(ErrorKind::Timeout, message))
        }
    }
}

/// The process of an earlier run, when it has not ended and does not do so in time. One that has just been killed
/// mostly does.
async fn still_hangs(remains: &Remains) -> io::Result<Option<Pid>> {
    if remains.hanging().is_none() {
        return Ok(None);
    }
    // Before the next look, so that no death is missed.
    let mut deaths = unix::signal(SignalKind::child())?;
    let ended = async {
        while remains.hanging().is_some() {
            deaths.recv().await;
        }
    };
    let _late = timeout(REAP_PATIENCE, ended).await;
    Ok(remains.hanging())
}

/// Whether it is the error of a program that can never be run as it is: its interpreter is missing, or it is none.
pub(crate) fn never_ran(error: &SourceError) -> bool {
    error.kind() == ErrorKind::Unavailable
}

fn spawn_error(subject: &str, error: io::Error) -> SourceError {
    let is_no_program = error.raw_os_error() == Some(Errno::ENOEXEC as i32);
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::Unavailable,
        _ if is_no_program => ErrorKind::Unavailable,
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        _ => ErrorKind::Failed,
    };
    SourceError::new(kind, format!("{subject}: cannot be run")).with_source(error)
}

enum Failure {
    TooLong,
    Io(io::Error),
}

impl Failure {
    fn into_error(self, subject: &str, config: &MdevctlConfig) -> SourceError {
        match self {
            Self::TooLong => SourceError::new(
                ErrorKind::Malformed,
                format!("{subject}: printed more than {} bytes", config.output_limit),
            ),
            Self::Io(error) => {
                SourceError::new(ErrorKind::Failed, format!("{subject}: cannot be read"))
                    .with_source(error)
            }
        }
    }
}

/// A child that leads its own process group. Dropped unreaped, the group is killed and tokio's
/// reaper collects the child, which is noted.
struct ProcessGroup<'a> {
    child: Child,
    head: Pid,
    remains: Option<&'a Remains>,
    deaths: unix::Signal,
}

impl<'a> ProcessGroup<'a> {
    fn spawn(program: &Path, run: Run<'a>) -> io::Result<Self> {
        // Before there is a child, so that no death is missed.
        let deaths = unix::signal(SignalKind::child())?;
        let stdin = if run.input.is_empty() { Stdio::null() } else { Stdio::piped() };
        let child = Command::new(program)
            .args(run.arguments)
            // A panicking mdevctl explains itself in one line.
            .env("RUST_BACKTRACE", "0")
            .env("RUST_LIB_BACKTRACE", "0")
            // What systemd told the daemon is not for its tools.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_PID")
            .env_remove("LISTEN_FDNAMES")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let head = child.id().and_then(|id| i32::try_from(id).ok());
        let head = head.map(Pid::from_raw).ok_or_else(|| io::Error::other("it has no number"))?;
        Ok(Self { child, head, remains: run.remains, deaths })
    }

    async fn collect(&mut self, run: Run<'_>, limit: usize) -> Result<Output, Failure> {
        let stdin = self.child.stdin.take();
        let stdout = self.child.stdout.take();
        let stderr = self.child.stderr.take();
        let (stdout, stderr, ()) = tokio::try_join!(
            read_all(stdout, run.keeps, limit),
            read_start(stderr),
            feed(stdin, run.input)
        )?;
        self.ended().await;
        let stays = run.may_leave.filter(|left| left.admit(self.head));
        if stays.is_none() {
            if run.may_leave.is_some() {
                tracing::warn!(
                    source = "mdevctl",
                    "too many actions have left processes running: what this one leaves is killed"
                );
            }
            self.kill();
        }
        let status = self.child.wait().await.map_err(Failure::Io)?;
        if stays.is_some_and(|left| left.is_left(self.head)) {
            let (group, command) = (self.head, run.arguments.join(" "));
            tracing::info!(source = "mdevctl", %group, command, "has left processes running");
        }
        Ok(Output { status, stdout, stderr })
    }

    /// Waits until the child has ended. It is not reaped.
    async fn ended(&mut self) {
        while is_running(self.head) {
            self.deaths.recv().await;
        }
    }

    /// Kills the group and reaps the child.
    async fn end(mut self) {
        self.kill();
        let reaped = timeout(REAP_PATIENCE, self.child.wait()).await;
        if reaped.is_err() {
            tracing::warn!(source = "mdevctl", pid = self.child.id(), "killed and not gone");
        }
    }

    /// Does nothing once the child has been reaped: its id may be another's then.
    fn kill(&self) {
        if self.child.id().is_none() {
            return;
        }
        if let Err(error) = killpg(self.head, Signal::SIGKILL) {
            tracing::debug!(source = "mdevctl", group = %self.head, %error, "cannot be killed");
        }
    }
}

impl Drop for ProcessGroup<'_> {
    fn drop(&mut self) {
        self.kill();
        if let (Some(remains), Some(_)) = (self.remains, self.child.id()) {
            remains.note(self.head);
        }
    }
}

/// Writes it all and closes the pipe. A program that does not care to read it says so by its status.
async fn feed(pipe: Option<impl AsyncWrite + Unpin>, input: &[u8]) -> Result<(), Failure> {
    let Some(mut pipe) = pipe else {
        return Ok(());
    };
    match pipe.write_all(input).await {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Io(error)),
        _ => Ok(()),
    }
}

async fn read_all(
    pipe: Option<impl AsyncRead + Unpin>,
    keeps: u64,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else {
        return Ok(bytes);
    };
    let mut bounded = pipe.take((limit as u64).saturating_add(1));
    (&mut bounded).take(keeps).read_to_end(&mut bytes).await.map_err(Failure::Io)?;
    tokio::io::copy(&mut bounded, &mut tokio::io::sink()).await.map_err(Failure::Io)?;
    if bounded.limit() == 0 { Err(Failure::TooLong) } else { Ok(bytes) }
}

/// Keeps the start and swallows the rest, so that a talkative child is not held up.
async fn read_start(pipe: Option<impl AsyncRead + Unpin>) -> Result<String, Failure> {
    let Some(mut pipe) = pipe else {
        return Ok(String::new());
    };
    let mut bytes = Vec::new();
    let mut start = (&mut pipe).take(WORDS);
    start.read_to_end(&mut bytes).await.map_err(Failure::Io)?;
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await.map_err(Failure::Io)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines that say what is wrong, joined and shortened: those from the error on, behind all the
/// warnings that may come before it, else the last ones.
fn last_words(stderr: &str) -> String {
    let says =
        |line: &&str| !line.is_empty() && !line.starts_with("note: ") && *line != "Caused by:";
    let lines: Vec<_> = stderr.lines().map(str::trim).filter(says).collect();
    let error = lines.iter().position(|line| line.starts_with("Error"));
    let begin = error.unwrap_or_else(|| lines.len().saturating_sub(LINES));
    let words: Vec<_> =
        lines[begin..].iter().take(LINES).map(|line| shorten(line, LINE_LIMIT)).collect();
    words.join("; ")
}

#[cfg(test)]
mod tests;
