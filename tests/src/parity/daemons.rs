//! Both daemons on a stage: started, waited for, and looked after.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::intended::HOST_UUID;
use super::stage::{INSIDE, Stage};
use crate::mock::netlink_shim;
use crate::peer::installed_driver;
use crate::systemd;

/// How long a daemon may need until it listens.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many lines of a log a failure shows.
const TAIL: usize = 12;

/// Whose daemon it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// libvirt's own.
    Theirs,
    /// `nodedevd`.
    Ours,
}

impl Whose {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Theirs => "libvirtd",
            Self::Ours => "nodedevd",
        }
    }

    /// Its socket, in the stage's folder.
    pub(crate) fn socket(self) -> &'static str {
        match self {
            Self::Theirs => "libvirtd/libvirt-sock",
            Self::Ours => "nodedevd.d/virtnodedevd-sock",
        }
    }

    fn logs(self) -> &'static [&'static str] {
        match self {
            Self::Theirs => &["libvirtd/log", "libvirtd/errors"],
            Self::Ours => &["nodedevd.d/errors"],
        }
    }

    /// What starts it on this stage, with its output in its logs.
    pub(crate) fn command(self, stage: &Stage) -> Result<(Command, Vec<PathBuf>)> {
        let mut command = match self {
            Self::Theirs => libvirtd(stage)?,
            Self::Ours => nodedevd(stage)?,
        };
        let logs: Vec<_> = self.logs().iter().map(|log| stage.outside(log)).collect();
        let errors = fs::File::create(&logs[logs.len() - 1])?;
        command.stdout(Stdio::null()).stderr(errors);
        Ok((command, logs))
    }
}

/// A running daemon; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    whose: Whose,
    child: Child,
    logs: Vec<PathBuf>,
}

impl Running {
    /// Starts it and waits until it listens.
    pub(crate) fn start(whose: Whose, stage: &Stage) -> Result<Self> {
        let (mut command, logs) = whose.command(stage)?;
        let child = command.spawn().with_context(|| format!("cannot start {}", whose.name()))?;
        let mut daemon = Self { whose, child, logs };
        daemon.wait_for(&stage.outside(whose.socket()))?;
        Ok(daemon)
    }

    /// Name of the program.
    pub(crate) fn name(&self) -> &'static str {
        self.whose.name()
    }

    /// Its socket, as seen from outside the stage.
    pub(crate) fn socket(&self, stage: &Stage) -> PathBuf {
        stage.outside(self.whose.socket())
    }

    /// The URI by which a client on the stage reaches it.
    pub(crate) fn uri(&self) -> String {
        format!("nodedev:///system?socket={INSIDE}/{}", self.whose.socket())
    }

    /// An error that says what has become of the daemon, if anything has, and what it last said.
    pub(crate) fn blame(&mut self, error: &anyhow::Error) -> anyhow::Error {
        let name = self.whose.name();
        let state = match self.ended() {
            Some(status) => format!("{name} ended with {status}"),
            None => format!("{name} still runs"),
        };
        anyhow::anyhow!("{error:#}; {state}; its log ends with:\n{}", self.tail())
    }

    /// There is no event for another program's socket, so this tries until it is answered.
    fn wait_for(&mut self, socket: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(socket).is_err() {
            if let Some(status) = self.ended() {
                bail!("{} ended with {status}:\n{}", self.whose.name(), self.tail());
            }
            if Instant::now() > deadline {
                let seconds = PATIENCE.as_secs();
                let name = self.whose.name();
                bail!("{name} did not listen within {seconds} s:\n{}", self.tail());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn tail(&self) -> String {
        let read =
            |log: &PathBuf| String::from_utf8_lossy(&fs::read(log).ok()?).into_owned().into();
        let texts: Vec<String> = self.logs.iter().filter_map(read).collect();
        let lines: Vec<_> = texts.iter().flat_map(|text| text.lines()).collect();
        let last = &lines[lines.len().saturating_sub(TAIL)..];
        last.iter().map(|line| format!("    {line}\n")).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn libvirtd(stage: &Stage) -> Result<Command> {
    let folder = stage.outside("libvirtd");
    let drivers = folder.join("drivers");
    fs::create_dir_all(&drivers)?;
    let driver = installed_driver(stage.system());
    let driver = driver.context("libvirt's node-device driver is not installed")?;
    let link = drivers.join(driver.file_name().unwrap_or_default());
    if !link.is_symlink() {
        symlink(&driver, link)?;
    }
    let inside = format!("{INSIDE}/libvirtd");
    let config = format!(
        "unix_sock_dir = \"{inside}\"\nauth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n\
         host_uuid = \"{HOST_UUID}\"\nlog_outputs = \"3:file:{inside}/log\"\n"
    );
    fs::write(folder.join("libvirtd.conf"), config)?;
    netlink_shim(&stage.outside(""));
    let drivers = format!("{inside}/drivers");
    let mut environment = stage.mocked(Some("netlink.so"));
    environment.push(("LIBVIRT_DRIVER_DIR", drivers));
    let mut command = stage.command(&borrowed(&environment), "libvirtd");
    command.args(["--timeout", "0", "--config", &format!("{inside}/libvirtd.conf")]);
    command.args(["--pid-file", &format!("{inside}/pid")]);
    Ok(command)
}

fn nodedevd(stage: &Stage) -> Result<Command> {
    let folder = stage.outside("nodedevd.d");
    fs::create_dir_all(&folder)?;
    let config =
        format!("auth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\nhost_uuid = \"{HOST_UUID}\"\n");
    fs::write(folder.join("nodedevd.conf"), config)?;
    let inside = format!("{INSIDE}/nodedevd.d");
    let (mocked, shipped) = (stage.mocked(None), systemd::environment());
    let mut environment = borrowed(&mocked);
    environment.extend(shipped.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut command = stage.command(&environment, &format!("{INSIDE}/nodedevd"));
    command.args(["--socket-dir", &inside, "--config", &format!("{inside}/nodedevd.conf")]);
    Ok(command)
}

fn borrowed<'a>(environment: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
