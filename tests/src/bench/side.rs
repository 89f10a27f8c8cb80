//! A daemon that is measured: started on a host, waited for, asked, ended.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::client::Client;
use super::host::Host;
use super::process;
use crate::parity::daemons::Whose;

/// Which daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `nodedevd`.
    Ours,
    /// libvirt's own.
    Theirs,
}

impl Side {
    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "nodedevd",
            Self::Theirs => "libvirt",
        }
    }

    const fn whose(self) -> Whose {
        match self {
            Self::Ours => Whose::Ours,
            Self::Theirs => Whose::Theirs,
        }
    }
}

/// A running daemon; it ends when dropped.
#[derive(Debug)]
pub struct Daemon {
    side: Side,
    child: Child,
    socket: PathBuf,
    logs: Vec<PathBuf>,
    /// When it was started.
    pub began: Instant,
}

impl Daemon {
    /// Starts it and waits for nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn launch(side: Side, host: &Host) -> Result<Self> {
        host.tidy()?;
        let socket = host.stage.outside(side.whose().socket());
        let _ = fs::remove_file(&socket);
        let (mut command, logs) = side.whose().command(&host.stage)?;
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", side.name()))?;
        Ok(Self { side, child, socket, logs, began })
    }

    /// Starts it and waits until its list is complete and it has nothing more to do.
    ///
    /// # Errors
    ///
    /// When that takes longer than `patience`.
    pub fn at_rest(side: Side, host: &Host, patience: Duration) -> Result<(Self, Client)> {
        let mut daemon = Self::launch(side, host)?;
        let mut client = daemon.connect(patience)?;
        client.list()?;
        client.wait_until(Instant::now() + Duration::from_secs(60))?;
        process::until_quiet(daemon.process(), patience)?;
        Ok((daemon, client))
    }

    /// A client of it, which waits for answers until `patience` is over, from the daemon's start.
    ///
    /// # Errors
    ///
    /// When it does not answer by then.
    pub fn connect(&mut self, patience: Duration) -> Result<Client> {
        let deadline = self.began + patience;
        loop {
            // There is no event for another program's socket.
            if let Ok(client) = Client::open(&self.socket, deadline) {
                return Ok(client);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}: {}", self.side.name(), self.said());
            }
            if Instant::now() > deadline {
                bail!("{} does not answer: {}", self.side.name(), self.said());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// A further client of a daemon that answers.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn client(&self) -> Result<Client> {
        Client::open(&self.socket, Instant::now() + Duration::from_secs(60))
    }

    /// The error with what has become of the daemon, if it has ended.
    pub fn blame(&mut self, error: anyhow::Error) -> anyhow::Error {
        match self.child.try_wait() {
            Ok(Some(status)) => error.context(format!("it ended with {status}: {}", self.said())),
            _ => error,
        }
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Where clients of libvirt's library reach it.
    #[must_use]
    pub fn uri(&self) -> String {
        crate::daemon::uri_of(&self.socket)
    }

    /// What it last said.
    fn said(&self) -> String {
        let read =
            |log: &PathBuf| String::from_utf8_lossy(&fs::read(log).ok()?).into_owned().into();
        let texts: Vec<String> = self.logs.iter().filter_map(read).collect();
        let lines: Vec<_> = texts.iter().flat_map(|text| text.lines()).collect();
        lines[lines.len().saturating_sub(5)..].join("; ")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
