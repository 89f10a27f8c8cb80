//! The program as a process: the only place of this crate that makes one.
//!
//! Never through a shell, with an environment of its own, at the head of a process group of its own.
//! The group is signalled as long as its head has not been reaped: its number is nobody else's then.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::timeout;

use crate::config::ExecConfig;
use crate::message::PROTOCOL;

/// Where the program finds others.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long a killed process may take to go before that is told.
const REAP_PATIENCE: Duration = Duration::from_secs(1);

/// A program that leads its own process group. Dropped, the group is killed at once and tokio's
/// reaper collects the program.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    child: Child,
    head: Pid,
    deaths: unix::Signal,
    name: String,
}

/// The pipes to and from it.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

/// Starts the program.
pub(crate) fn spawn(config: &ExecConfig) -> io::Result<(ProcessGroup, Pipes)> {
    // Before there is a child, so that no death is missed.
    let deaths = unix::signal(SignalKind::child())?;
    let mut child = Command::new(&config.program)
        .args(&config.arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .env("NODEDEV_SOURCE", &config.name)
        .env("NODEDEV_PROTOCOL", PROTOCOL.to_string())
        .envs(config.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let head = child.id().and_then(|id| i32::try_from(id).ok());
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(head), (Some(stdin), Some(stdout), Some(stderr))) = (head, pipes) else {
        return Err(io::Error::other("it has no pipes"));
    };
    let group =
        ProcessGroup { child, head: Pid::from_raw(head), deaths, name: config.name.clone() };
    Ok((group, Pipes { stdin, stdout, stderr }))
}

/// How the process has ended, if it has. It is not reaped.
fn death(head: Pid) -> Option<WaitStatus> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(head), flags) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => None,
        Ok(status) => Some(status),
        // Reaped already.
        Err(_) => Some(WaitStatus::Exited(head, 0)),
    }
}

/// Whether a program with this process id still runs.
pub(crate) fn is_alive(head: Pid) -> bool {
    death(head).is_none()
}

/// For a sentence that begins with the program.
fn in_words(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(_, code) => format!("ended with status {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("was killed by {signal}"),
        other => format!("ended: {other:?}"),
    }
}

impl ProcessGroup {
    /// The program's process id.
    pub(crate) const fn head(&self) -> Pid {
        self.head
    }

    /// Waits until the program has ended; tells how. May be dropped.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            if let Some(status) = death(self.head) {
                return in_words(status);
            }
            self.deaths.recv().await;
        }
    }

    /// Sends a signal to all of the group.
    pub(crate) fn signal(&self, signal: Signal) {
        // Reaped: the number may be another's.
        if self.child.id().is_none() {
            return;
        }
        if let Err(error) = killpg(self.head, signal) {
            tracing::debug!(source = self.name, group = %self.head, %error, "cannot be signalled");
        }
    }

    /// Ends the group: asks, waits so long for the program, kills what is left, and reaps, however long
    /// that takes: what hangs in the kernel may hold what the next one needs.
    pub(crate) async fn end(mut self, patience: Duration) {
        self.signal(Signal::SIGTERM);
        if timeout(patience, self.ended()).await.is_err() {
            tracing::warn!(source = self.name, "does not end by itself: killed");
        }
        self.signal(Signal::SIGKILL);
        if timeout(REAP_PATIENCE, self.child.wait()).await.is_err() {
            let pid = self.head;
            tracing::warn!(source = self.name, %pid, "killed and not gone; no other is started before");
            let _ = self.child.wait().await;
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}
