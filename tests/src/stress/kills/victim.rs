//! The daemon that is killed, and whatever it leaves running: mdevctl goes on without it.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::daemon::Daemon;
use crate::lab::Lab;

const CONFIG: &str = "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n";
/// What mdevctl does takes no longer.
const PATIENCE: u16 = 30_000;

/// A running daemon.
#[derive(Debug)]
pub(super) struct Victim {
    pub(super) daemon: Daemon,
    /// Ends with the last process that the daemon has started.
    alive: OwnedFd,
}

impl Victim {
    /// Starts it and waits for nothing.
    pub(super) fn spawn(lab: &Lab, folder: &Path) -> Self {
        // Not closed on exec: whatever the daemon starts holds it too.
        let (alive, held) = nix::unistd::pipe().unwrap();
        let daemon = Daemon::spawn(folder, CONFIG, |program| {
            let mut command = lab.command(program);
            command.arg("--pid-file").arg(folder.join("pid"));
            command
        });
        drop(held);
        Self { daemon, alive }
    }

    /// Kills it.
    pub(super) fn kill(self) -> Left {
        drop(self.daemon);
        Left { alive: self.alive, since: Instant::now() }
    }
}

/// What a killed daemon had started and what goes on without it.
#[derive(Debug)]
pub(super) struct Left {
    alive: OwnedFd,
    since: Instant,
}

impl Left {
    /// Waits for its end; how long it went on alone.
    pub(super) fn end(self) -> Result<Duration, String> {
        let mut polled = [PollFd::new(self.alive.as_fd(), PollFlags::POLLIN)];
        match poll(&mut polled, PollTimeout::from(PATIENCE)).unwrap() {
            0 => Err("what the daemon had started goes on for ever".to_owned()),
            _ => Ok(self.since.elapsed()),
        }
    }
}
