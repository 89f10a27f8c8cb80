//! The machine that the tests run in: its kernel, its mdevctl, and our daemon with its clients.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nodedev_tests::command::{Ran, nodedev, run};
use nodedev_tests::daemon::{Daemon, uri_of};
use tempfile::TempDir;

/// What happens here happens within this time, also where the processor is translated and busy.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const UUID: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const MDEV: &str = "mdev_11111111_2222_4333_8444_555555555555_mtty";

/// The machine with one parent of mediated devices, `mtty`, and a running daemon.
#[derive(Debug)]
pub(crate) struct Guest {
    daemon: Option<Daemon>,
    folder: TempDir,
}

impl Guest {
    pub(crate) fn start() -> Self {
        let inside = std::env::var_os("NODEDEV_GUEST").is_some();
        assert!(inside, "these tests change the kernel's devices: use `cargo xtask e2e`");
        load("mtty");
        let mut guest = Self { daemon: None, folder: tempfile::tempdir().unwrap() };
        guest.start_daemon();
        guest
    }

    pub(crate) fn start_daemon(&mut self) {
        self.daemon = Some(Daemon::start(&self.folder.path().join("sockets"), |program| {
            Command::new(program)
        }));
    }

    /// The daemon is killed and started again.
    pub(crate) fn restart_daemon(&mut self) {
        self.daemon = None;
        self.start_daemon();
    }

    /// Another daemon that has just been started, asked for all it knows, and ended.
    pub(crate) fn as_freshly_started(&self) -> String {
        let folder = self.folder.path().join("fresh");
        let daemon = Daemon::start(&folder, |program| Command::new(program));
        let list = whole_list(&folder);
        drop(daemon);
        list
    }

    /// All documents, in both forms, and all states.
    pub(crate) fn all(&self) -> String {
        whole_list(&self.folder.path().join("sockets"))
    }

    pub(crate) fn virsh(&self, words: &[&str]) -> Ran {
        let uri = uri_of(&self.folder.path().join("sockets/virtnodedevd-sock"));
        run(Command::new("virsh").args(["-q", "-c", &uri]).args(words))
    }

    /// The document of the device.
    pub(crate) fn document(&self, name: &str) -> String {
        self.virsh(&["nodedev-dumpxml", name]).ok()
    }

    /// Names of devices of this kind: `--inactive`, `--all`, or nothing for the active ones.
    pub(crate) fn mdevs(&self, which: &[&str]) -> Vec<String> {
        let words = [&["nodedev-list", "--cap", "mdev"], which].concat();
        self.virsh(&words).ok().lines().map(|line| line.trim().to_owned()).collect()
    }

    /// A file with a document of a device below `mtty`.
    pub(crate) fn write_document(&self, mdev_type: &str, inside: &str) -> PathBuf {
        let file = self.folder.path().join("device.xml");
        let text = format!(
            "<device>\n  <name>any</name>\n  <parent>mtty_mtty</parent>\n  <capability type='mdev'>\n    \
             <type id='{mdev_type}'/>\n    <uuid>{UUID}</uuid>\n{inside}  </capability>\n</device>\n"
        );
        fs::write(&file, text).unwrap();
        file
    }

    /// What happens from now on.
    pub(crate) fn watch(&self) -> Events {
        let socket = self.folder.path().join("sockets/io.nodedev.NodeDevice");
        let mut watch = Command::new(nodedev())
            .args(["watch", "--json", "--connect"])
            .arg(socket)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says on standard error that it watches.
        let mut errors = BufReader::new(watch.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("watching") {
            assert_ne!(errors.read_line(&mut said).unwrap(), 0, "it does not watch: {said}");
        }
        let lines = BufReader::new(watch.stdout.take().unwrap());
        Events { watch, lines, _errors: errors }
    }

    /// Waits until the daemon's list is so. There is no event for all of it, so it is asked again.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < deadline, "not so, that {what}:\n{}", self.all());
        }
    }
}

impl Drop for Guest {
    /// Leaves no device and no definition behind.
    fn drop(&mut self) {
        for file in definitions() {
            let _ = fs::remove_file(file);
        }
        if let Ok(devices) = fs::read_dir("/sys/bus/mdev/devices") {
            for device in devices.flatten() {
                let _ = fs::write(device.path().join("remove"), "1");
            }
        }
        for module in ["mdpy", "mtty"] {
            let _ = Command::new("rmmod").arg(module).stderr(Stdio::null()).status();
        }
    }
}

/// Events as they come, one line each.
#[derive(Debug)]
pub(crate) struct Events {
    watch: Child,
    lines: BufReader<ChildStdout>,
    _errors: BufReader<std::process::ChildStderr>,
}

impl Events {
    /// The next event of this device: `created`, `updated` and so on.
    pub(crate) fn next_of(&mut self, name: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "the watch has ended");
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            if event["name"] == name {
                return event["event"].as_str().unwrap().to_owned();
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }
}

fn whole_list(sockets: &Path) -> String {
    let mut list = String::new();
    for words in [
        &["dump", "--all-devices"][..],
        &["dump", "--all-devices", "--inactive"],
        &["list", "--all", "--json"],
    ] {
        let socket = sockets.join("io.nodedev.NodeDevice");
        let mut command = Command::new(nodedev());
        list.push_str(&run(command.args(words).arg("--connect").arg(socket)).ok());
    }
    list
}

pub(crate) fn load(module: &str) {
    run(Command::new("modprobe").arg(module)).ok();
    run(Command::new("udevadm").arg("settle")).ok();
}

pub(crate) fn unload(module: &str) {
    run(Command::new("rmmod").arg(module)).ok();
}

pub(crate) fn mdevctl(words: &[&str]) -> String {
    run(Command::new("mdevctl").args(words)).ok()
}

/// Whether the kernel runs the device.
pub(crate) fn runs(uuid: &str) -> bool {
    Path::new("/sys/bus/mdev/devices").join(uuid).exists()
}

/// The files of all definitions.
pub(crate) fn definitions() -> Vec<PathBuf> {
    let parents = fs::read_dir("/etc/mdevctl.d").into_iter().flatten().flatten();
    let parents = parents.filter(|parent| parent.file_name() != "scripts.d");
    parents
        .filter_map(|parent| fs::read_dir(parent.path()).ok())
        .flat_map(|files| files.flatten().map(|file| file.path()))
        .collect()
}
