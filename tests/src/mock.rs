//! A host made of files, with definitions beside it: what both sources know, and where they differ.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodedev_source_testkit::mock_host::{MockHost, wrap};
use tempfile::TempDir;

use crate::command::{nodedev, run};

/// libvirt's daemon does not start on a mock host without it; the file says why.
const NETLINK_SHIM: &str = include_str!("shim/netlink.c");
/// With it pipes in place of attributes hold their readers; the file says how.
const BLOCKING_SHIM: &str = include_str!("shim/blocking.c");

/// A mock host.
#[derive(Debug)]
pub struct Mock {
    host: MockHost,
    folder: TempDir,
}

impl Mock {
    /// The host that a file in umockdev's format describes.
    pub fn load(file: &Path) -> Self {
        Self::try_load(file).unwrap()
    }

    /// The same for a file that may be none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or understood, or the host cannot be made of it.
    pub fn try_load(file: &Path) -> io::Result<Self> {
        Self::of_text(&String::from_utf8_lossy(&fs::read(file)?), &std::env::temp_dir())
    }

    /// The host that a text in umockdev's format describes, in a folder of its own in this one.
    ///
    /// # Errors
    ///
    /// When the text cannot be understood, or the host cannot be made.
    pub fn of_text(text: &str, within: &Path) -> io::Result<Self> {
        let folder = tempfile::tempdir_in(within)?;
        let mut host = MockHost::new(&folder.path().join("host"))?;
        host.load(text)?;
        Ok(Self { host, folder })
    }

    /// The host of the fixtures with every kind of device.
    pub fn every_kind() -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
        Self::load(&fixtures.join("hosts/every-kind.umockdev"))
    }

    /// The host itself, which can be changed.
    pub fn host(&self) -> &MockHost {
        &self.host
    }

    /// The host itself, to be changed with events.
    pub fn host_mut(&mut self) -> &mut MockHost {
        &mut self.host
    }

    /// A folder of its own, outside the host.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `nodedev` on this host.
    pub fn nodedev(&self, args: &[&str]) -> Command {
        wrap(Command::new(nodedev()).args(args).env("NODEDEV_CONNECT", "none"), self.host.root())
    }

    /// A program of libvirt's on this host, which needs a word put in for it.
    pub fn peer_command(&self, program: &str) -> Command {
        let shim = netlink_shim(self.folder.path());
        let preload = format!("{}:libumockdev-preload.so.0", shim.display());
        let script = format!(
            "mount -t tmpfs none /run/libvirt 2>/dev/null; LD_PRELOAD={preload} exec \"$@\""
        );
        wrap(Command::new("sh").args(["-c", &script, "sh", program]), self.host.root())
    }

    /// A program that stands for mdevctl and gives these listings.
    pub fn mdevctl(&self, defined: &str, active: &str) -> String {
        let program = self.folder.path().join("mdevctl");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n'list --dumpjson --defined') echo '{defined}' ;;\n\
             'list --dumpjson') echo '{active}' ;;\n--version) echo mdevctl 9.9.9 ;;\n*) exit 2 ;;\nesac\n"
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program.to_str().unwrap().to_owned()
    }
}

/// The built library that lets libvirt's daemon start on a mock host, in this folder.
pub fn netlink_shim(folder: &Path) -> PathBuf {
    built(folder, "netlink", NETLINK_SHIM)
}

/// The built library with which attributes block, in this folder.
pub fn blocking_shim(folder: &Path) -> PathBuf {
    built(folder, "blocking", BLOCKING_SHIM)
}

fn built(folder: &Path, name: &str, text: &str) -> PathBuf {
    let shim = folder.join(format!("{name}.so"));
    if !shim.exists() {
        let source = folder.join(format!("{name}.c"));
        fs::write(&source, text).unwrap();
        let mut gcc = Command::new("gcc");
        run(gcc.args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(source).arg("-ldl")).ok();
    }
    shim
}
