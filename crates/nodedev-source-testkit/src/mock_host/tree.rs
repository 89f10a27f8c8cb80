//! Files of the mock tree. Knows paths and nothing of devices.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// A directory that stands for `/`.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        for folder in ["sys/bus", "sys/class", "sys/block", "sys/devices", "dev", "run/udev/data"] {
            fs::create_dir_all(root.join(folder))?;
        }
        // libudev looks for it to learn whether udevd runs.
        fs::write(root.join("run/udev/control"), "")?;
        Ok(Self { root: root.canonicalize()? })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path of the mock host lies, without `.` and `..` in it.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        let mut real = self.root.clone();
        for part in Path::new(path).components() {
            match part {
                Component::Normal(name) => real.push(name),
                Component::ParentDir if real != self.root => {
                    real.pop();
                }
                _ => {}
            }
        }
        real
    }

    /// Writes a file in one step, so that nobody reads half of it.
    pub(super) fn write(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        let real = self.path(path);
        if fs::symlink_metadata(&real).is_err() {
            make_parent(&real)?;
            return fs::write(&real, contents);
        }
        let mut beside = real.clone().into_os_string();
        beside.push(".new");
        fs::write(&beside, contents)?;
        if real.is_dir() {
            self.clear(path)?;
        }
        fs::rename(&beside, &real)
    }

    /// Makes a link to a target as it is written.
    pub(super) fn link_raw(&self, link: &str, target: &str) -> io::Result<()> {
        let real = self.path(link);
        make_parent(&real)?;
        self.clear(link)?;
        std::os::unix::fs::symlink(target, real)
    }

    /// Makes a relative link to another path of the host.
    pub(super) fn link(&self, link: &str, target: &str) -> io::Result<()> {
        let from = self.path(link);
        let target = relative(from.parent().unwrap_or(&self.root), &self.path(target));
        self.link_raw(link, &target.to_string_lossy())
    }

    pub(super) fn make_dir(&self, path: &str) -> io::Result<()> {
        fs::create_dir_all(self.path(path))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        make_parent(&self.path(to))?;
        fs::rename(self.path(from), self.path(to))
    }

    /// Removes whatever is there.
    pub(super) fn clear(&self, path: &str) -> io::Result<()> {
        let real = self.path(path);
        match fs::symlink_metadata(&real) {
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(real),
            Ok(_) => fs::remove_file(real),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn make_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.is_dir() => fs::create_dir_all(parent),
        _ => Ok(()),
    }
}

fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative_and_paths_stay_inside() {
        assert_eq!(
            relative(Path::new("/r/sys/class/net"), Path::new("/r/sys/devices/x/eth0")),
            Path::new("../../devices/x/eth0")
        );
        let tree = Tree { root: PathBuf::from("/r") };
        assert_eq!(tree.path("/sys/../../../etc"), Path::new("/r/etc"));
    }
}
