//! A small system under the machine's own systemd: its own process ids, mounts, network, `/run`, `/tmp`, and an
//! overlay of the root in memory, so that nothing that a unit does outlasts it.
//!
//! Only the units that are named here exist in it: the project's own, udevd's, and the targets that they
//! hang on. The machine's other units are not seen, so nothing of the machine is set up a second time.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::command::{nodedev, nodedevd, run};

const PATIENCE: Duration = Duration::from_secs(120);

/// The files of the project's units.
pub fn units() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/nodedev-driver/systemd")
}

/// What the service gives the daemon in its environment.
pub fn environment() -> Vec<(String, String)> {
    let service = fs::read_to_string(units().join("nodedevd.service")).unwrap();
    let lines = service.lines().filter_map(|line| line.strip_prefix("Environment="));
    let pairs = lines.flat_map(str::split_whitespace).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A running system; it ends when dropped.
#[derive(Debug)]
pub struct System {
    outside: Child,
    manager: u32,
    folder: TempDir,
}

/// Run as `bash -c SCRIPT system FOLDER NODEDEVD NODEDEV BOOT` with mounts of its own: makes a control group
/// and boots in it and in further namespaces.
const GROUP: &str = r#"
set -e
mkdir "$1/groups"
mount -t cgroup2 cgroup2 "$1/groups"
group=$1/groups/$(basename "$1")
mkdir "$group"
echo $$ >"$group/cgroup.procs"
exec unshare --pid --fork --kill-child --mount --cgroup --ipc --uts --net --propagation private \
  bash -c "$4" system "$@"
"#;

/// Run as `bash -c SCRIPT system FOLDER` with mounts of its own, when the first process has been ended: waits
/// for the others, and takes the control group away.
const LEAVE: &str = r#"
mount -t cgroup2 cgroup2 "$1/groups"
group=$1/groups/$(basename "$1")
for _ in {1..200}; do
  grep -q 'populated 0' "$group/cgroup.events" && break
  read -t 0.05 _ </dev/zero
done
find "$group" -depth -type d -exec rmdir {} +
"#;

/// Run as `bash -c SCRIPT system FOLDER NODEDEVD NODEDEV`: becomes systemd.
const BOOT: &str = r#"
set -e
folder=$1
mount -t tmpfs tmpfs "$folder/memory"
mkdir "$folder/memory/upper" "$folder/memory/work" "$folder/memory/root"
root=$folder/memory/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/memory/upper,workdir=$folder/memory/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for place in run tmp var/tmp; do mount -t tmpfs tmpfs "$root/$place"; done
for program in "sbin/nodedevd $2" "bin/nodedev $3"; do
  set -- $program
  touch "$root/usr/$1"
  mount --bind "$2" "$root/usr/$1"
done
mkdir -p "$root/etc/mdevctl.d" "$root/run/lab"
mount --bind "$folder/shared" "$root/run/lab"
cd "$root"
mkdir -p old
pivot_root . old
umount -l old
ip link set lo up
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=nodedev \
  SYSTEMD_UNIT_PATH=/run/lab/units /lib/systemd/systemd --system --unit=lab.target \
  --log-target=console --show-status=no
"#;

/// Targets that units hang on by default, and udevd with all devices. Who waits for it may be hung up on
/// ([`udevd`](crate::udevd)).
const BASE: &[(&str, &str)] = &[
    ("sysinit.target", "[Unit]\nDefaultDependencies=no\n"),
    ("basic.target", "[Unit]\nDefaultDependencies=no\nRequires=sysinit.target\n"),
    ("sockets.target", "[Unit]\nDefaultDependencies=no\n"),
    ("shutdown.target", "[Unit]\nDefaultDependencies=no\n"),
    (
        "devices.service",
        "[Unit]\nDefaultDependencies=no\nRequires=systemd-udevd.service\nAfter=systemd-udevd.service\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\n\
         ExecStart=/bin/udevadm trigger --action=add\n\
         ExecStart=-/bin/udevadm settle --timeout=100\nExecStart=/bin/udevadm settle --timeout=100\n",
    ),
    (
        "lab.target",
        "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\nRequires=devices.service sockets.target\n\
         Wants=nodedevd.socket nodedevd-ro.socket nodedevd-varlink.socket\n\
         After=devices.service nodedevd.socket nodedevd-ro.socket nodedevd-varlink.socket\n",
    ),
    // There is no journal in here.
    (
        "nodedevd.service.d/log.conf",
        "[Service]\nStandardOutput=append:/run/lab/log\nStandardError=append:/run/lab/log\n",
    ),
];

/// Units of the machine's systemd that are taken as they are.
const TAKEN: &[&str] =
    &["systemd-udevd.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket"];

impl System {
    /// Boots it and waits until the sockets of our daemon are there. `further` are units of the test's own.
    pub fn boot(further: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("shared");
        fs::create_dir_all(folder.path().join("memory")).unwrap();
        let units = shared.join("units");
        write_units(&units, further);
        let outside = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "bash", "-c", GROUP, "system"])
            .arg(folder.path())
            .args([nodedevd(), nodedev()])
            .arg(BOOT)
            .stdin(Stdio::null())
            .stdout(fs::File::create(shared.join("boot")).unwrap())
            .stderr(fs::File::create(shared.join("errors")).unwrap())
            .spawn()
            .unwrap();
        let mut system = Self { outside, manager: 0, folder };
        system.wait_for_boot();
        system
    }

    /// A program in the system, unbound by any unit.
    pub fn command(&self, program: &str) -> Command {
        let target = self.manager.to_string();
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &target, "--mount", "--pid", "--net", "--ipc", "--uts", "--root"])
            .args(["--wd=/", "--", "timeout", "60", program])
            .env("NODEDEV_CONNECT", "none")
            .stdin(Stdio::null());
        command
    }

    /// A program in the system that must succeed; its output.
    #[track_caller]
    pub fn run(&self, program: &str, words: &[&str]) -> String {
        run(self.command(program).args(words)).ok()
    }

    /// The documents of all devices are the same from the sandboxed daemon and from sources outside of it.
    #[track_caller]
    pub fn expect_same_with_and_without_sandbox(&self) {
        let all = ["dump", "--all-devices", "--json"];
        let dump = |whose| self.run("nodedev", &[&["--connect", whose], &all[..]].concat());
        let daemons = dump("/run/nodedev/io.nodedev.NodeDevice");
        assert!(daemons.len() > 100, "{daemons}");
        assert_eq!(daemons, dump("none"), "{}", self.log());
    }

    /// A folder that is `/run/lab` inside.
    pub fn shared(&self) -> std::path::PathBuf {
        self.folder.path().join("shared")
    }

    /// What our daemon said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.shared().join("log")).unwrap_or_default()
    }

    /// There is no event for another system's state, so this asks until it is booted.
    fn wait_for_boot(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let is_active = |system: &Self| {
            run(system.command("systemctl").args(["is-active", "--quiet", "lab.target"])).status
                == Some(0)
        };
        while self.manager == 0 || !is_active(self) {
            let shared = self.shared();
            let said = || {
                let read = |name| fs::read_to_string(shared.join(name)).unwrap_or_default();
                format!("{}\n{}", read("boot"), read("errors"))
            };
            if let Some(status) = self.outside.try_wait().unwrap() {
                panic!("the system ended with {status}: {}", said());
            }
            assert!(Instant::now() < deadline, "the system did not boot: {}", said());
            self.manager = child_of(self.outside.id()).unwrap_or(0);
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // The first process of a name space takes all others along.
        let _ = self.outside.kill();
        let _ = self.outside.wait();
        let unshare = ["--mount", "--propagation", "private", "bash", "-c", LEAVE, "system"];
        let left = run(Command::new("unshare").args(unshare).arg(self.folder.path()));
        if left.status != Some(0) && !std::thread::panicking() {
            panic!("the control group stays: {}", left.stderr);
        }
    }
}

fn write_units(folder: &Path, further: &[(&str, &str)]) {
    let ours = fs::read_dir(units()).unwrap().map(|entry| entry.unwrap().path());
    let taken = TAKEN.iter().map(|name| Path::new("/lib/systemd/system").join(name));
    fs::create_dir_all(folder).unwrap();
    for unit in ours.chain(taken) {
        fs::copy(&unit, folder.join(unit.file_name().unwrap())).unwrap();
    }
    for (name, text) in BASE.iter().chain(further) {
        let place = folder.join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
}

/// The one child of that process, if it has begun.
fn child_of(process: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
