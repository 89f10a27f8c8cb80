//! A scratch host: a root with a configuration directory and a program that plays mdevctl.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{Listing, Snapshot};
use nodedev_source_mdevctl::{MdevctlConfig, MdevctlSource};
use nodedev_types::{DeviceId, Observation, SourceId};
use tempfile::TempDir;

pub(crate) const PARENT: &str = "0000:00:02.0";

/// What a test waits for comes within this time or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Host {
    root: TempDir,
}

impl Host {
    /// A host whose mdevctl is scripted. It has no configuration directory yet.
    pub(crate) fn scripted() -> Self {
        Self::with_program("fake-mdevctl.sh")
    }

    /// A host with the real mdevctl, or why that cannot be.
    pub(crate) fn real() -> Result<Self, String> {
        let host = Self::with_program("real-mdevctl.sh");
        fs::create_dir_all(host.path("etc/mdevctl.d/scripts.d/callouts")).unwrap();
        fs::create_dir_all(host.path("etc/mdevctl.d/scripts.d/notifiers")).unwrap();
        let output = host.mdevctl(&["list", "--defined"]);
        match output.status.success() {
            true => Ok(host),
            false => Err(format!(
                "no mdevctl in a mount namespace: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )),
        }
    }

    fn with_program(script: &str) -> Self {
        let host = Self { root: TempDir::new().unwrap() };
        host.play(script);
        host
    }

    /// Makes the program this script.
    pub(crate) fn play(&self, script: &str) {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
        let new = self.path("new-program");
        // A link to a file that is never written: a program that was just written may be busy.
        symlink(scripts.join(script), &new).unwrap();
        fs::rename(new, self.program()).unwrap();
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.path("mdevctl")
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// Runs the program as an operator would.
    #[expect(clippy::disallowed_methods, reason = "what is run here is a script of the test")]
    pub(crate) fn mdevctl(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(self.program()).args(arguments).output().unwrap()
    }

    pub(crate) fn config(&self) -> MdevctlConfig {
        let mut config = MdevctlConfig::default();
        config.program = self.program();
        config.root = self.root.path().to_owned();
        config
    }

    pub(crate) fn source(&self) -> Arc<MdevctlSource> {
        Arc::new(MdevctlSource::new(self.config()))
    }

    /// Lines of shell that the scripted program goes through before it answers.
    pub(crate) fn behave(&self, shell: &str) {
        self.replace("behaviour", shell);
    }

    /// What the scripted program prints for a listing.
    pub(crate) fn answer(&self, listing: &str, contents: impl AsRef<[u8]>) {
        self.replace(listing, contents);
    }

    pub(crate) fn definition(&self, parent: &str, n: usize) -> PathBuf {
        let directory = self.path("etc/mdevctl.d").join(parent);
        fs::create_dir_all(&directory).unwrap();
        directory.join(uuid(n))
    }

    /// Writes a file so that nobody sees it half written.
    pub(crate) fn replace(&self, below: &str, contents: impl AsRef<[u8]>) {
        let new = self.path("new");
        fs::write(&new, contents).unwrap();
        fs::rename(&new, self.path(below)).unwrap();
    }

    /// The arguments of every run so far.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

pub(crate) fn uuid(n: usize) -> String {
    format!("{n:08x}-0000-4000-8000-000000000000")
}

pub(crate) fn id(n: usize) -> DeviceId {
    DeviceId::mdev(&uuid(n), PARENT)
}

/// A definition as mdevctl writes it.
pub(crate) fn definition(mdev_type: &str) -> String {
    format!("{{\n  \"mdev_type\": \"{mdev_type}\",\n  \"start\": \"auto\",\n  \"attrs\": []\n}}")
}

/// A listing with these devices below one parent.
pub(crate) fn listed(devices: &[usize]) -> String {
    let children: Vec<_> =
        devices.iter().map(|&n| format!(r#"{{"{}":{}}}"#, uuid(n), definition("t"))).collect();
    format!(r#"[{{"{PARENT}":[{}]}}]"#, children.join(","))
}

pub(crate) fn listing<'a>(snapshot: &'a Snapshot, stream: &str) -> &'a Listing {
    let id = SourceId::new(stream);
    snapshot.listings.iter().find(|l| l.source == id).unwrap()
}

pub(crate) fn devices<'a>(snapshot: &'a Snapshot, stream: &str) -> &'a [Observation] {
    listing(snapshot, stream).devices.as_ref().unwrap()
}

pub(crate) fn defined(snapshot: &Snapshot) -> Vec<DeviceId> {
    let devices = devices(snapshot, SourceId::MDEVCTL_DEFINED);
    devices.iter().map(|device| device.device.clone()).collect()
}

pub(crate) fn diagnostics(snapshot: &Snapshot) -> Vec<String> {
    snapshot.diagnostics.iter().map(ToString::to_string).collect()
}
