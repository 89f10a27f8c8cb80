//! Where both daemons and their client run: one mount namespace for a host, for mock hosts with a
//! network namespace, so that neither sees the machine around it nor the machine them.
//!
//! Knows namespaces and mounts, and nothing of what runs in them.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::hosts::Prepared;

/// Where the stage's folder is seen from inside.
pub(crate) const INSIDE: &str = "/mnt";

/// Programs of the stage's folder that stand for those of the system.
const TOOLS: &str = "/mnt/tools";

/// A place to run daemons; it ends when dropped, with whatever still runs in it.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Holds the namespaces for as long as its standard input is open.
    holder: Child,
    folder: TempDir,
    root: Option<PathBuf>,
    mock: bool,
}

/// Run as `bash -c SCRIPT stage ROOT FOLDER DAEMON DEFINITIONS TREE`, the first, fourth and last of
/// which may be empty. The binds below FOLDER come first: /mnt may hide what they come from.
const MAKE: &str = r#"
set -e
root=$1 folder=$2 daemon=$3 definitions=$4 tree=$5
mkdir -p "$folder/mdevctl.d/scripts.d/callouts" "$folder/mdevctl.d/scripts.d/notifiers"
touch "$folder/nodedevd"
mount --bind "$daemon" "$folder/nodedevd"
if [ -n "$tree" ]; then
  mkdir -p "$folder/host"
  mount --bind "$tree" "$folder/host"
fi
if [ -n "$root" ]; then
  for place in proc sys dev; do mount --rbind "/$place" "$root/$place"; done
fi
mkdir -p "$root/run/udev" "$root/run/libvirt" "$root/etc/mdevctl.d"
if [ -z "$tree" ]; then
  [ -z "$root" ] || mount --bind /run/udev "$root/run/udev"
elif [ -d "$folder/host/run/udev" ]; then
  mount --bind "$folder/host/run/udev" "$root/run/udev"
else
  mount -t tmpfs tmpfs "$root/run/udev"
  touch "$root/run/udev/control"
fi
mount -t tmpfs tmpfs "$root/run/libvirt"
if [ -n "$definitions" ]; then
  [ "$definitions" = "$root/etc/mdevctl.d" ] || mount --bind "$definitions" "$root/etc/mdevctl.d"
else
  mount --bind "$folder/mdevctl.d" "$root/etc/mdevctl.d"
fi
mount --rbind "$folder" "$root/mnt"
echo ready
exec cat >/dev/null
"#;

impl Stage {
    /// Makes it for a host. Without a `root` it is on the machine's own system. `daemon` is ours.
    pub(crate) fn make(root: Option<&Path>, host: &Prepared, daemon: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("parity-").tempdir()?;
        let mut command = host.enter("unshare");
        command.args(["--mount", "--propagation", "private"]);
        if host.tree().is_some() {
            command.arg("--net");
        }
        command.args(["bash", "-c", MAKE, "stage"]);
        command.arg(root.map_or_else(|| OsStr::new(""), Path::as_os_str));
        command.arg(folder.path()).arg(daemon);
        command.arg(host.definitions().map_or_else(|| OsStr::new(""), Path::as_os_str));
        command.arg(host.tree().map_or_else(|| OsStr::new(""), Path::as_os_str));
        let errors = fs::File::create(folder.path().join("stage.log"))?;
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn();
        let mut holder = spawned.context("cannot start `unshare`")?;
        let mut line = String::new();
        let output = holder.stdout.take().context("the stage has an output")?;
        BufReader::new(output).read_line(&mut line)?;
        let mock = host.tree().is_some();
        let stage = Self { holder, folder, root: root.map(Path::to_owned), mock };
        if line != "ready\n" {
            let errors = fs::read_to_string(stage.outside("stage.log")).unwrap_or_default();
            bail!("no namespaces of our own: {}", errors.trim());
        }
        Ok(stage)
    }

    /// A file of the stage's folder, as seen from outside.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The system that runs here.
    pub(crate) fn system(&self) -> &Path {
        self.root.as_deref().unwrap_or_else(|| Path::new("/"))
    }

    /// A command on the stage, which ends with the thread that starts it. Of the environment it
    /// gets these alone.
    pub(crate) fn command(&self, environment: &[(&str, &str)], program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter", "--mount", "--net"]);
        command.args(["--target", &self.holder.id().to_string(), "--"]);
        if let Some(root) = &self.root {
            command.arg("chroot").arg(root);
        }
        command.args(["env", "-i", &format!("PATH={TOOLS}:/usr/sbin:/usr/bin:/sbin:/bin")]);
        command.arg("HOME=/root");
        command.args(["LC_ALL=C"]);
        command.args(environment.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(program).stdin(Stdio::null()).current_dir("/");
        command
    }

    /// The environment of a program that shall see the mock host, with this library besides.
    pub(crate) fn mocked(&self, library: Option<&str>) -> Vec<(&'static str, String)> {
        if !self.mock {
            return Vec::new();
        }
        let umockdev = "libumockdev-preload.so.0";
        let preload =
            library.map_or_else(|| umockdev.to_owned(), |own| format!("{INSIDE}/{own}:{umockdev}"));
        vec![("LD_PRELOAD", preload), ("UMOCKDEV_DIR", format!("{INSIDE}/host"))]
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
