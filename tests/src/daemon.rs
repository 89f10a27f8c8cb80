//! Our daemon, run privately.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::nodedevd;

const PATIENCE: Duration = Duration::from_secs(30);
const SELF_CHECK: &str = "self_check_interval";

/// A running `nodedevd`; it ends when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    folder: PathBuf,
}

impl Daemon {
    /// Starts it with its sockets in `folder` and waits until it listens. `enter` makes a command
    /// that runs where the daemon shall see its host.
    pub fn start(folder: &Path, enter: impl Fn(&Path) -> Command) -> Self {
        Self::with_config(folder, "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n", enter)
    }

    /// The same with settings of its own.
    pub fn with_config(folder: &Path, config: &str, enter: impl Fn(&Path) -> Command) -> Self {
        let mut daemon = Self::spawn(folder, config, enter);
        daemon.until_it_listens();
        daemon
    }

    /// Starts it and waits for nothing. Its self-check is off, unless the settings speak of it: it would heal
    /// what a test is there to find.
    pub fn spawn(folder: &Path, config: &str, enter: impl Fn(&Path) -> Command) -> Self {
        fs::create_dir_all(folder).unwrap();
        let file = folder.join("nodedevd.conf");
        let off = if config.contains(SELF_CHECK) { "" } else { "self_check_interval = 0\n" };
        fs::write(&file, format!("{off}{config}")).unwrap();
        let child = enter(&nodedevd())
            .arg("--socket-dir")
            .arg(folder)
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, folder: folder.to_owned() }
    }

    /// Waits until it listens on all of its sockets: one comes after the other.
    pub fn until_it_listens(&mut self) {
        let log = self.folder.join("log");
        let said = || fs::read_to_string(&log).unwrap_or_default();
        self.wait_until("it listens", || said().contains("clients can connect"));
    }

    /// The read-write socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("virtnodedevd-sock")
    }

    /// The read-only socket.
    pub fn read_only_socket(&self) -> PathBuf {
        self.folder.join("virtnodedevd-sock-ro")
    }

    /// The socket of our own interface.
    pub fn varlink_socket(&self) -> PathBuf {
        self.folder.join("io.nodedev.NodeDevice")
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// There is no event for another program's state, so this tries until it is so.
    #[track_caller]
    fn wait_until(&mut self, what: &str, so: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("nodedevd ended with {status} before {what}: {}", self.log());
            }
            assert!(Instant::now() < deadline, "not so, that {what}: {}", self.log());
            std::thread::yield_now();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The URI that leads to this socket.
pub fn uri_of(socket: &Path) -> String {
    format!("nodedev:///system?socket={}", socket.display())
}
