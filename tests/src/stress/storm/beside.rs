//! libvirt's daemon in the same storm: in the same laboratory, from a Debian 13 root, with the receive buffer
//! that it gets without the right to a larger one.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::ours::signal;
use super::small_buffer::SmallBuffers;
use crate::command::run;
use crate::lab::Lab;
use crate::peer::installed_driver;

/// How long it may need until it listens.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for one list, in seconds.
const LIST: &str = "120";

/// libvirtd; it ends when dropped.
#[derive(Debug)]
pub(super) struct Beside {
    child: Child,
    socket: PathBuf,
    log: PathBuf,
}

/// Run as `bash -c SCRIPT peer ROOT FOLDER` in the laboratory and a mount namespace of its own. Who has
/// CAP_NET_ADMIN may pass the system's limit for receive buffers.
const MAKE: &str = r#"
set -e
root=$1 folder=$2
for place in proc sys dev; do mount --rbind "/$place" "$root/$place"; done
mkdir -p "$root/run/udev" "$root/run/libvirt" "$root/etc/mdevctl.d"
mount --rbind /run/udev "$root/run/udev"
mount -t tmpfs tmpfs "$root/run/libvirt"
mount --bind /etc/mdevctl.d "$root/etc/mdevctl.d"
mount --bind "$folder" "$root/mnt"
exec setpriv --bounding-set -net_admin --inh-caps -net_admin chroot "$root" \
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C LIBVIRT_DRIVER_DIR=/mnt/drivers \
  libvirtd --timeout 0 --config /mnt/libvirtd.conf --pid-file /mnt/pid
"#;

impl Beside {
    /// Starts it from this root with this limit for its buffer, and waits until it lists the host.
    pub(super) fn start(lab: &Lab, root: &Path, buffer: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("libvirtd-").tempdir_in(lab.folder())?.keep();
        let drivers = folder.join("drivers");
        fs::create_dir(&drivers)?;
        let driver = installed_driver(root).context("the root has no node-device driver")?;
        symlink(&driver, drivers.join(driver.file_name().unwrap_or_default()))?;
        let config = "unix_sock_dir = \"/mnt\"\nauth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n\
                      log_outputs = \"3:file:/mnt/log\"\n";
        fs::write(folder.join("libvirtd.conf"), config)?;
        let small = SmallBuffers::of(buffer)?;
        let mut command = lab.command("unshare");
        command.args(["--mount", "--propagation", "private", "bash", "-c", MAKE, "peer"]);
        let errors = fs::File::create(folder.join("errors"))?;
        let child = command.arg(root).arg(&folder).stdout(Stdio::null()).stderr(errors).spawn()?;
        let mut peer = Self { child, socket: folder.join("libvirt-sock"), log: folder.join("log") };
        peer.wait_until_it_listens(&folder)?;
        // Its drivers have been started when it answers.
        peer.names()?;
        drop(small);
        Ok(peer)
    }

    /// Stops it or lets it go on.
    pub(super) fn pause(&self, paused: bool) -> Result<()> {
        signal(self.child.id(), paused)
    }

    /// Its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Names of the interfaces that it lists.
    pub(super) fn names(&self) -> Result<BTreeSet<String>> {
        let uri = format!("nodedev:///system?socket={}", self.socket.display());
        let mut virsh = Command::new("timeout");
        virsh.args([LIST, "virsh", "-q", "-c", &uri, "nodedev-list", "--cap", "net"]);
        let ran = run(&mut virsh);
        if ran.status != Some(0) {
            bail!("libvirtd does not answer: {}", ran.stderr.trim());
        }
        let names = ran.stdout.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(names.map(str::to_owned).collect())
    }

    /// Whether it lists such an interface within the time. It is asked again and again: what is tried is
    /// the list, not its events.
    pub(super) fn comes_to(
        &self,
        time: Duration,
        is_so: impl Fn(&BTreeSet<String>) -> bool,
    ) -> Result<Option<Duration>> {
        let began = Instant::now();
        loop {
            let (asked, names) = (began.elapsed(), self.names()?);
            if is_so(&names) {
                return Ok(Some(began.elapsed()));
            }
            if asked > time {
                return Ok(None);
            }
        }
    }

    /// The last errors of its log about what it receives.
    pub(super) fn complaints(&self) -> Vec<String> {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let about = log.lines().filter(|line| line.contains("udev"));
        let texts = about.filter_map(|line| line.split_once(" : ").map(|(_, text)| text));
        let mut texts: Vec<_> = texts.map(str::to_owned).collect();
        texts.dedup();
        texts.split_off(texts.len().saturating_sub(2))
    }

    /// There is no event for another program's socket, so this tries until it is answered.
    fn wait_until_it_listens(&mut self, folder: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(&self.socket).is_err() {
            let said = || fs::read_to_string(folder.join("errors")).unwrap_or_default();
            if let Some(status) = self.child.try_wait()? {
                bail!("libvirtd ended with {status}: {}", said());
            }
            if Instant::now() > deadline {
                bail!("libvirtd does not listen: {}", said());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
