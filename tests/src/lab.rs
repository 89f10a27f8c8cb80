//! A private laboratory: own network namespace, own view of sysfs, own udevd and `/run/udev`, own
//! `/etc/mdevctl.d`. Net devices made in it are real and send real uevents; nobody else sees them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Result;
use tempfile::TempDir;

use crate::command::{nodedev, run};
use crate::udevd;

/// A running laboratory; it ends when dropped.
#[derive(Debug)]
pub struct Lab {
    udevd: Child,
    folder: TempDir,
}

/// Run as `sh -c SCRIPT NAME FOLDER`: makes the laboratory, says so, becomes its udevd.
const MAKE: &str = r#"
set -e
mkdir -p "$1/mdevctl.d/scripts.d/callouts" "$1/mdevctl.d/scripts.d/notifiers" "$1/libvirt" /run/udev /run/libvirt /etc/mdevctl.d
mount -t tmpfs tmpfs /run/udev
mount -t tmpfs tmpfs /run/libvirt
mount -t sysfs sysfs /sys
mount --bind "$1/mdevctl.d" /etc/mdevctl.d
ip link set lo up
udevd=/lib/systemd/systemd-udevd
[ -x $udevd ] || udevd=/usr/lib/systemd/systemd-udevd
(
  while [ ! -S /run/udev/control ]; do read -t 0.05 _ </dev/zero || :; done
  udevadm trigger --action=add
  echo ready
) &
exec $udevd 2>"$1/udevd.log"
"#;

impl Lab {
    /// Makes one and waits until its udevd has seen every device.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut udevd = Command::new("unshare")
            .args(["--net", "--mount", "--propagation", "private", "bash", "-c", MAKE, "lab"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(udevd.stdout.take().unwrap()).lines();
        let ready = lines.any(|line| line.unwrap() == "ready");
        assert!(ready, "the laboratory's udevd did not start");
        let lab = Self { udevd, folder };
        lab.settle();
        lab
    }

    /// A folder of the laboratory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `/etc/mdevctl.d` of the laboratory, as seen from outside.
    pub fn definitions(&self) -> PathBuf {
        self.folder.path().join("mdevctl.d")
    }

    /// `/sys` of the laboratory, as seen from outside.
    pub fn sysfs(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root/sys", self.udevd.id()))
    }

    /// A process in it, by which its namespaces are found.
    pub fn process(&self) -> u32 {
        self.udevd.id()
    }

    /// A command in the laboratory.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--net", "--mount", "--target", &self.udevd.id().to_string(), "--"])
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// `nodedev` in the laboratory.
    pub fn nodedev(&self, args: &[&str]) -> Command {
        // A daemon of the host outside would be found in /run.
        let mut command = self.command(nodedev());
        command.args(args).env("NODEDEV_CONNECT", "none");
        command
    }

    /// A command in the laboratory that must succeed; its output.
    #[track_caller]
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        run(self.command(program).args(args)).ok()
    }

    /// Waits until the kernel and the laboratory's udevd have nothing more to say.
    pub fn try_settle(&self) -> Result<()> {
        udevd::settle(|| self.command("udevadm"))
    }

    /// [`try_settle`](Self::try_settle), which must succeed.
    #[track_caller]
    pub fn settle(&self) {
        self.try_settle().unwrap();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.udevd.kill();
        let _ = self.udevd.wait();
    }
}
