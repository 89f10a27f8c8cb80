//! Which devices sysfs lists: the links of `/sys/bus/*/devices` and `/sys/class/*`.
//!
//! libudev's own list is of the same links, but follows each of them component by component, three times
//! until one of its devices is at hand. Here a link is read once, and libudev follows the path once, when the
//! device is read. Nothing is read of a device.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::classify::IGNORED_SUBSYSTEMS;

/// Where it is mounted. libudev knows no other place.
pub(crate) const SYS: &str = "/sys";

/// What is listed.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// Paths of devices, each once, in order.
    pub(crate) paths: Vec<String>,
    /// Entries that are left out, and why, for people.
    pub(crate) odd: Vec<(String, String)>,
    /// Whether sysfs is there at all: a host without it has no devices, and is none.
    pub(crate) has_sysfs: bool,
}

/// Lists the devices below this folder, which is `/sys`.
///
/// # Errors
///
/// When a folder cannot be read: its devices would be taken for gone.
pub(crate) fn devices(sys: &Path) -> io::Result<Listed> {
    let mut scan = Scan { sys, found: Vec::new(), odd: Vec::new() };
    let has_sysfs = !names(sys)?.is_empty();
    for bus in subsystems(&sys.join("bus"))? {
        scan.folder(&bus.join("devices"))?;
    }
    for class in subsystems(&sys.join("class"))? {
        scan.folder(&class)?;
    }
    let Scan { found: mut paths, mut odd, .. } = scan;
    paths.sort();
    paths.dedup();
    odd.sort();
    odd.dedup();
    Ok(Listed { paths, odd, has_sysfs })
}

struct Scan<'a> {
    sys: &'a Path,
    found: Vec<String>,
    odd: Vec<(String, String)>,
}

impl Scan<'_> {
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        for name in names(folder)? {
            let entry = folder.join(name);
            match fs::read_link(&entry) {
                Ok(target) => self.link(folder, &target),
                // A file such as `bonding_masters`; or it went away.
                Err(error)
                    if [ErrorKind::InvalidInput, ErrorKind::NotFound].contains(&error.kind()) => {}
                Err(error) => self.odd.push((entry.display().to_string(), error.to_string())),
            }
        }
        Ok(())
    }

    fn link(&mut self, folder: &Path, target: &Path) {
        let path = led_to(folder, target);
        if !path.starts_with(self.sys.join("devices")) {
            return;
        }
        match path.into_os_string().into_string() {
            Ok(path) => self.found.push(path),
            Err(path) => {
                self.odd.push((path.to_string_lossy().into_owned(), "is not UTF-8".to_owned()));
            }
        }
    }
}

/// Where a link in this folder leads. The kernel's links have nothing but `..` and names of devices, none of which
/// is a link.
pub(crate) fn led_to(folder: &Path, target: &Path) -> PathBuf {
    let mut path = folder.to_owned();
    for component in target.components() {
        match component {
            Component::ParentDir => _ = path.pop(),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// Folders of subsystems that can have node devices.
fn subsystems(folder: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let is_ignored = |name: &OsString| IGNORED_SUBSYSTEMS.iter().any(|ignored| name == ignored);
    let names = names(folder)?.into_iter().filter(move |name| !is_ignored(name));
    Ok(names.map(|name| folder.join(name)))
}

/// What is in this folder; nothing, where there is none.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let absent =
        |error: &io::Error| [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind());
    match fs::read_dir(folder) {
        Err(error) if absent(&error) => Ok(Vec::new()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", folder.display()))),
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder in place of `/sys`, with these links.
    fn sys(links: &[(&str, &str)]) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        for (link, target) in links {
            let link = sys.path().join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(target, link).unwrap();
        }
        sys
    }

    fn listed(sys: &tempfile::TempDir) -> Vec<String> {
        let listed = devices(sys.path()).unwrap();
        assert!(listed.odd.is_empty(), "{:?}", listed.odd);
        let below =
            |path: &String| path.strip_prefix(sys.path().to_str().unwrap()).unwrap().to_owned();
        listed.paths.iter().map(below).collect()
    }

    #[test]
    fn links_of_buses_and_classes_are_devices_each_of_them_once() {
        let sys = sys(&[
            ("bus/pci/devices/0000:00:01.0", "../../../devices/pci0000:00/0000:00:01.0"),
            ("bus/pci/drivers/e1000", "../../../devices/none"),
            ("class/net/eth0", "../../devices/pci0000:00/0000:00:01.0/net/eth0"),
            ("class/virtual/eth0", "../../devices/pci0000:00/0000:00:01.0/net/eth0"),
        ]);
        let expected =
            ["/devices/pci0000:00/0000:00:01.0", "/devices/pci0000:00/0000:00:01.0/net/eth0"];
        assert_eq!(listed(&sys), expected);
    }

    #[test]
    fn files_and_links_elsewhere_are_no_devices() {
        let sys = sys(&[("class/net/odd", "../../module/x"), ("class/net/up", "../../../../x")]);
        fs::write(sys.path().join("class/net/bonding_masters"), "").unwrap();
        fs::write(sys.path().join("class/version"), "").unwrap();
        assert_eq!(listed(&sys), [""; 0]);
    }

    #[test]
    fn subsystems_without_node_devices_are_not_looked_into() {
        let device = "../../../devices/x";
        let sys = sys(&[("bus/i2c/devices/0", device), ("class/tty/tty0", "../../devices/tty0")]);
        assert_eq!(listed(&sys), [""; 0]);
    }

    #[test]
    fn a_host_without_sysfs_says_so() {
        let nothing = tempfile::tempdir().unwrap();
        assert!(!devices(nothing.path()).unwrap().has_sysfs);
        assert!(!devices(&nothing.path().join("sys")).unwrap().has_sysfs);
        fs::create_dir(nothing.path().join("devices")).unwrap();
        assert!(devices(nothing.path()).unwrap().has_sysfs);
    }
}
