//! Running in the background: the one place of this crate that starts a process, which is itself.
//!
//! The process in the foreground waits until the other says that clients can connect.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::unistd::{dup2_stderr, dup2_stdout, setsid};

/// How long the daemon may take until clients can connect, in milliseconds.
const PATIENCE_MS: u16 = 60_000;

/// Starts this program again in the background, and returns when it says that it is ready.
///
/// # Errors
///
/// When it does not; it has said why on standard error.
pub(crate) fn start_in_background() -> anyhow::Result<()> {
    let mut child = spawn().context("cannot start in the background")?;
    if let Some(stdout) = child.stdout.take()
        && says_ready(stdout)?
    {
        return Ok(());
    }
    // Ready or not, what is in the background must not go on unnoticed.
    let _ = child.kill();
    let ended = child.wait().context("cannot wait for the background")?;
    bail!("the daemon in the background did not start ({ended})");
}

#[expect(clippy::disallowed_methods, reason = "the place for it")]
fn spawn() -> anyhow::Result<Child> {
    let program = std::env::current_exe()?;
    let here = std::env::current_dir()?;
    let mut words = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    command.arg("--background").arg(here).args(words).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command.spawn()?)
}

/// Waits for a word of the other process, or for its end.
fn says_ready(mut stdout: ChildStdout) -> anyhow::Result<bool> {
    loop {
        let mut descriptors = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
        match poll(&mut descriptors, PATIENCE_MS) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(stdout.read(&mut [0])? > 0),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Leaves the session of who started us: its end must not be ours.
pub(crate) fn leave_session() -> anyhow::Result<()> {
    setsid().map(drop).context("cannot leave the session")
}

/// Tells the process in the foreground that clients can connect, and lets go of its terminal.
pub(crate) fn tell_ready() -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(b"\n").and_then(|()| stdout.flush()).context("nobody waits for the daemon")?;
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdout(&nothing)?;
    dup2_stderr(&nothing)?;
    Ok(())
}
