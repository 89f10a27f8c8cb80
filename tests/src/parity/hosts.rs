//! The hosts to compare on: files in umockdev's format, directories that umockdev shows, and the
//! machine itself.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::command::run;
use crate::lab::Lab;
use crate::mock::Mock;

/// A host to compare on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A file in umockdev's text format.
    File(PathBuf),
    /// A directory that has `sys` in it, as umockdev shows one to a process.
    Tree(PathBuf),
    /// The machine that this runs on.
    This,
}

impl Host {
    /// The hosts that a path means: a file is one, a directory may be one or hold files.
    ///
    /// # Errors
    ///
    /// When nothing is there, or a directory without any host.
    pub fn of_path(path: &Path) -> Result<Vec<Self>> {
        let path = fs::canonicalize(path).with_context(|| format!("{}", path.display()))?;
        if path == Path::new("/") {
            bail!("/ is no mock tree but this host: use --this-host");
        }
        if path.join("sys").is_dir() {
            return Ok(vec![Self::Tree(path)]);
        }
        if !path.is_dir() {
            return Ok(vec![Self::File(path)]);
        }
        let entries = fs::read_dir(&path)?.collect::<Result<Vec<_>, _>>()?;
        let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension() == Some(OsStr::new("umockdev")));
        files.sort();
        if files.is_empty() {
            bail!("{}: neither a mock tree (no `sys`) nor any *.umockdev in it", path.display());
        }
        Ok(files.into_iter().map(Self::File).collect())
    }

    /// What reports call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Tree(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::This => "this host".to_owned(),
        }
    }

    /// Makes what the host needs to be seen, and tells how.
    pub(super) fn prepare(&self) -> Result<Prepared> {
        match self {
            Self::File(path) => {
                let mock = Mock::try_load(path)?;
                if mock.host().paths().next().is_none() {
                    bail!("{}: no device is recorded in it", path.display());
                }
                Ok(Prepared::Mock(mock))
            }
            Self::Tree(path) => {
                remove_sockets(path)?;
                Ok(Prepared::Tree(path.clone()))
            }
            Self::This if udevd_answers() => Ok(Prepared::Machine),
            Self::This => laboratory().map(Prepared::Lab),
        }
    }
}

/// A host that daemons can be started on; it ends when dropped.
#[derive(Debug)]
pub(crate) enum Prepared {
    Mock(Mock),
    Tree(PathBuf),
    Machine,
    Lab(Lab),
}

impl Prepared {
    /// A command where the host is to be seen, apart from what the stage does.
    pub(super) fn enter(&self, program: &str) -> Command {
        match self {
            Self::Lab(lab) => lab.command(program),
            _ => Command::new(program),
        }
    }

    /// The directory of a mock host.
    pub(crate) fn tree(&self) -> Option<&Path> {
        match self {
            Self::Mock(mock) => Some(mock.host().root()),
            Self::Tree(path) => Some(path),
            _ => None,
        }
    }

    /// The directory with the host's definitions, where it has any.
    pub(super) fn definitions(&self) -> Option<&Path> {
        let place = Path::new("/etc/mdevctl.d");
        let has_definitions = matches!(self, Self::Machine | Self::Lab(_)) && place.is_dir();
        has_definitions.then_some(place)
    }

    /// Whether values may change while they are looked at.
    pub(super) fn is_alive(&self) -> bool {
        self.tree().is_none()
    }

    /// How the host is seen, where that is not plain.
    pub(super) fn remark(&self) -> Option<&'static str> {
        match self {
            Self::Machine => Some("with the udevd that runs here"),
            Self::Lab(_) => Some(
                "with a udevd of its own in a private network namespace, since none answers here: \
                 of the network interfaces there is `lo` alone",
            ),
            _ => None,
        }
    }
}

/// What daemons before us left in the tree; the library takes the first number that is free.
pub(crate) fn remove_sockets(tree: &Path) -> Result<()> {
    for entry in fs::read_dir(tree)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("event") && !entry.file_type()?.is_dir()
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn udevd_answers() -> bool {
    let mut ping = Command::new("timeout");
    ping.args(["5", "udevadm", "control", "--ping"]).stdin(Stdio::null());
    run(&mut ping).status == Some(0)
}

/// A udevd of its own, with the machine's definitions.
fn laboratory() -> Result<Lab> {
    let lab = Lab::start();
    let copied = run(Command::new("cp").args(["-a", "/etc/mdevctl.d/."]).arg(lab.definitions()));
    if Path::new("/etc/mdevctl.d").is_dir() && copied.status != Some(0) {
        bail!("cannot copy /etc/mdevctl.d: {}", copied.stderr.trim());
    }
    Ok(lab)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_host_or_holds_some() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        assert!(Host::of_path(&path).unwrap_err().to_string().contains("nor any"));
        assert!(Host::of_path(&path.join("absent")).is_err());
        for name in ["b.umockdev", "a.umockdev", "notes.txt"] {
            fs::write(path.join(name), "").unwrap();
        }
        let files = ["a.umockdev", "b.umockdev"].map(|name| Host::File(path.join(name)));
        assert_eq!(Host::of_path(&path).unwrap(), files);
        assert_eq!(Host::of_path(&path.join("b.umockdev")).unwrap(), files[1..]);
        assert_eq!(files[0].name(), "a");
        fs::create_dir(path.join("sys")).unwrap();
        assert_eq!(Host::of_path(&path).unwrap(), [Host::Tree(path)]);
    }
}
