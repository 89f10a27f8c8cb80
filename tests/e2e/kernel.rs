//! The guest's side that is not ours: its modules, its mediated devices, mdevctl and its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nodedev_tests::command::run;
use nodedev_tests::udevd;

const DEFINITIONS: &str = "/etc/mdevctl.d";
const DEVICES: &str = "/sys/bus/mdev/devices";

pub(crate) fn load(module: &str) {
    run(Command::new("modprobe").arg(module)).ok();
    settle();
}

pub(crate) fn unload(module: &str) {
    run(Command::new("rmmod").arg(module)).ok();
}

/// Waits until udevd has nothing more to do.
pub(crate) fn settle() {
    udevd::settle(|| Command::new("udevadm")).unwrap();
}

/// Lets udevd hold back events, or go on.
pub(crate) fn hold_events(hold: bool) {
    let order = if hold { "--stop-exec-queue" } else { "--start-exec-queue" };
    udevd::ask(|| Command::new("udevadm"), &["control", order]).unwrap();
}

/// A command of the guest that must succeed.
#[track_caller]
pub(crate) fn command(words: &[&str]) -> String {
    run(Command::new(words[0]).args(&words[1..])).ok()
}

/// Debian 12's mdevctl.
#[track_caller]
pub(crate) fn mdevctl(words: &[&str]) -> String {
    run(Command::new("mdevctl").args(words)).ok()
}

/// Whether the kernel runs the device.
pub(crate) fn runs(uuid: &str) -> bool {
    Path::new(DEVICES).join(uuid).exists()
}

/// The type of a running device.
pub(crate) fn type_of(uuid: &str) -> String {
    let link = fs::read_link(Path::new(DEVICES).join(uuid).join("mdev_type")).unwrap();
    link.file_name().unwrap().to_str().unwrap().to_owned()
}

/// The node of a running device's VFIO group.
pub(crate) fn group_of(uuid: &str) -> PathBuf {
    let link = fs::read_link(Path::new(DEVICES).join(uuid).join("iommu_group")).unwrap();
    Path::new("/dev/vfio").join(link.file_name().unwrap())
}

/// Writes a definition file.
pub(crate) fn write_definition(parent: &str, uuid: &str, text: &str) {
    let folder = Path::new(DEFINITIONS).join(parent);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(uuid), text).unwrap();
}

pub(crate) fn read_definition(parent: &str, uuid: &str) -> serde_json::Value {
    let text = fs::read_to_string(Path::new(DEFINITIONS).join(parent).join(uuid)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn remove_definition(parent: &str, uuid: &str) {
    fs::remove_file(Path::new(DEFINITIONS).join(parent).join(uuid)).unwrap();
}

/// Something changes in the directory of definitions, and there is none more or less: each folder there
/// is one of a parent.
pub(crate) fn touch_definitions() {
    let folder = Path::new(DEFINITIONS).join("touched");
    fs::create_dir(&folder).unwrap();
    fs::remove_dir(folder).unwrap();
}

/// A script that mdevctl runs before and after what it does.
pub(crate) fn write_callout(text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let file = Path::new(DEFINITIONS).join("scripts.d/callouts/e2e.sh");
    fs::write(&file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Leaves no device, no definition, no script and no parent behind.
pub(crate) fn clean_up() {
    for file in files_below(Path::new(DEFINITIONS)) {
        let _ = fs::remove_file(file);
    }
    for device in fs::read_dir(DEVICES).into_iter().flatten().flatten() {
        let _ = fs::write(device.path().join("remove"), "1");
    }
    for module in ["mbochs", "mdpy", "mtty", "nodedev_mdev"] {
        if Path::new("/sys/module").join(module).exists() {
            let _ = Command::new("rmmod").arg(module).stderr(Stdio::null()).status();
        }
    }
    settle();
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |path: PathBuf| if path.is_dir() { files_below(&path) } else { vec![path] };
    entries.flat_map(|entry| below(entry.path())).collect()
}
