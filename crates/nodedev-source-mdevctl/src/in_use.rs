//! Whether somebody uses a mediated device: its VFIO group is open.
//!
//! Looks at `/dev/vfio` and, to name the users, at `/proc`. Changes nothing; an opened group is
//! closed at once.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nodedev_source::{ErrorKind, SourceError};

/// Processes that are named at most.
const NAMED: usize = 4;

/// Whether the device with this uuid can be stopped.
///
/// # Errors
///
/// [`ErrorKind::Busy`] when the group is open, with the processes that hold it where `/proc` tells.
/// Whatever else keeps the group from being opened is no sign of a user.
pub(crate) fn check(root: &Path, uuid: &str) -> Result<(), SourceError> {
    let link = root.join("sys/bus/mdev/devices").join(uuid).join("iommu_group");
    let Some(group) = fs::read_link(link).ok().and_then(|target| last_component(&target)) else {
        return Ok(());
    };
    let node = Path::new("/dev/vfio").join(group);
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits())
        .open(below(root, &node));
    match opened {
        Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => Err(busy(root, &node)),
        _ => Ok(()),
    }
}

fn busy(root: &Path, node: &Path) -> SourceError {
    let users = users(root, node);
    let by = if users.is_empty() { String::new() } else { format!(" by {}", users.join(", ")) };
    SourceError::new(ErrorKind::Busy, format!("device in use: {} is open{by}", node.display()))
}

/// The processes that have this node open: `qemu-system-x86 (pid 1234)`.
fn users(root: &Path, node: &Path) -> Vec<String> {
    let Ok(processes) = fs::read_dir(root.join("proc")) else {
        return Vec::new();
    };
    let of = |process: PathBuf| -> Option<String> {
        let pid: u32 = process.file_name()?.to_str()?.parse().ok()?;
        has_open(&process, node).ok()?.then(|| shown(&process, pid))
    };
    processes.filter_map(|entry| of(entry.ok()?.path())).take(NAMED).collect()
}

fn has_open(process: &Path, node: &Path) -> io::Result<bool> {
    let mut descriptors = fs::read_dir(process.join("fd"))?;
    Ok(descriptors.any(|entry| {
        entry.and_then(|entry| fs::read_link(entry.path())).is_ok_and(|target| target == node)
    }))
}

fn shown(process: &Path, pid: u32) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let name: String = name.trim_end().chars().flat_map(char::escape_debug).collect();
    if name.is_empty() { format!("pid {pid}") } else { format!("{name} (pid {pid})") }
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn last_component(path: &Path) -> Option<PathBuf> {
    path.file_name().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const UUID: &str = "11111111-2222-4333-8444-555555555555";

    /// A host whose device is in group 7.
    fn host() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let device = root.path().join("sys/bus/mdev/devices").join(UUID);
        fs::create_dir_all(&device).unwrap();
        symlink("../../../kernel/iommu_groups/7", device.join("iommu_group")).unwrap();
        root
    }

    #[test]
    fn a_group_that_opens_or_is_not_there_has_no_user() {
        let root = host();
        check(root.path(), UUID).unwrap();
        check(root.path(), "99999999-2222-4333-8444-555555555555").unwrap();
        fs::create_dir_all(root.path().join("dev/vfio")).unwrap();
        fs::write(root.path().join("dev/vfio/7"), "").unwrap();
        check(root.path(), UUID).unwrap();
    }

    #[test]
    fn users_of_a_group_are_named() {
        let root = host();
        for (pid, name, target) in
            [("12", "qemu-system-x86\n", "/dev/vfio/7"), ("13", "sh\n", "/dev/vfio/8")]
        {
            let process = root.path().join("proc").join(pid);
            fs::create_dir_all(process.join("fd")).unwrap();
            fs::write(process.join("comm"), name).unwrap();
            symlink(target, process.join("fd/5")).unwrap();
        }
        fs::create_dir_all(root.path().join("proc/sys/fd")).unwrap();
        let error = busy(root.path(), Path::new("/dev/vfio/7"));
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert_eq!(
            error.to_string(),
            "device in use: /dev/vfio/7 is open by qemu-system-x86 (pid 12)"
        );
    }
}
