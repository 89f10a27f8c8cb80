//! The source passes every clause of the contract.
//!
//! The kit says what shall happen on the host, and this makes it happen. To be replaced together with
//! `reading.rs`: what your host cannot do by its nature is `Inapplicable`.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, reason = "a test bed that cannot write is no test bed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use nodedev_source::NodeDeviceSource;
use nodedev_source_template::TemplateSource;
use nodedev_source_testkit::{
    Applied, BadInput, Failure, Harness, HostChange, Skip, async_trait, conformance_tests,
};
use nodedev_types::DeviceId;
use tempfile::TempDir;

/// A host: a folder with a file for each device.
struct TestBed {
    host: TempDir,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How often a device was given another identity.
    renamed: BTreeMap<usize, usize>,
    /// So that each change brings what was never there.
    changes: usize,
}

impl TestBed {
    fn folder(&self) -> PathBuf {
        self.host.path().join("devices")
    }

    fn name(&self, n: usize) -> String {
        let state = self.state.lock().expect("unpoisoned");
        format!("device{n}-{}", state.renamed.get(&n).unwrap_or(&0))
    }

    fn file(&self, n: usize) -> PathBuf {
        self.folder().join(self.name(n))
    }

    /// Writes the device's file anew, in one step.
    fn write(&self, n: usize, bytes: &[u8]) {
        let draft = self.host.path().join("draft");
        fs::write(&draft, bytes).expect("written");
        fs::rename(draft, self.file(n)).expect("renamed");
    }

    fn change(&self, n: usize) {
        let mut state = self.state.lock().expect("unpoisoned");
        state.changes += 1;
        let driver = format!("driver{}\n", state.changes);
        drop(state);
        self.write(n, driver.as_bytes());
    }

    fn remove(&self, n: usize) {
        fs::remove_file(self.file(n)).expect("removed");
    }

    /// Lets the host speak of the device once more, if it is there.
    fn announce(&self, n: usize) {
        if let Ok(bytes) = fs::read(self.file(n)) {
            self.write(n, &bytes);
        }
    }

    fn rename(&self, n: usize) {
        let old = self.file(n);
        *self.state.lock().expect("unpoisoned").renamed.entry(n).or_default() += 1;
        fs::rename(old, self.file(n)).expect("renamed");
    }

    fn corrupt(&self, n: usize, bad: BadInput) -> Applied {
        match bad {
            BadInput::Missing => {
                self.write(n, b"");
                return Applied::Ordinary;
            }
            BadInput::Huge => self.write(n, &[b'x'; 100_000]),
            BadInput::NotUtf8 => self.write(n, b"driver\xff"),
            BadInput::Unparsable => self.write(n, b"dri\x01ver"),
            BadInput::Directory => {
                self.remove(n);
                fs::create_dir(self.file(n)).expect("made");
            }
            _ => return Applied::Inapplicable("a name may end anywhere"),
        }
        Applied::Done
    }

    fn mend(&self, n: usize) {
        let _ = fs::remove_dir(self.file(n));
        self.change(n);
    }

    fn break_host(&self, failure: Failure) -> Applied {
        let (folder, away) = (self.folder(), self.host.path().join("away"));
        match failure {
            Failure::Absent => fs::rename(folder, away).expect("moved"),
            Failure::Fails => {
                fs::rename(&folder, away).expect("moved");
                fs::write(folder, "").expect("written");
            }
            Failure::Denied => return Applied::Inapplicable("root may read everything"),
            _ => return Applied::Inapplicable("a folder always answers, with names"),
        }
        Applied::Done
    }

    fn repair(&self) {
        let (folder, away) = (self.folder(), self.host.path().join("away"));
        let _ = fs::remove_file(&folder);
        fs::rename(away, folder).expect("moved back");
    }

    fn clear(&self) {
        for entry in fs::read_dir(self.folder()).expect("a folder") {
            fs::remove_file(entry.expect("a file").path()).expect("removed");
        }
    }
}

#[async_trait]
impl Harness for TestBed {
    async fn make() -> Result<Self, Skip> {
        let host = TempDir::new().map_err(|error| Skip::new(error.to_string()))?;
        let bed = Self { host, state: Mutex::default() };
        fs::create_dir(bed.folder()).expect("made");
        Ok(bed)
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        Arc::new(TemplateSource::new(self.folder()))
    }

    fn device(&self, n: usize) -> DeviceId {
        DeviceId::foreign("template", &self.name(n))
    }

    fn child(&self, n: usize) -> DeviceId {
        DeviceId::foreign("template", &format!("child{n}"))
    }

    fn tracing_targets(&self) -> Vec<String> {
        vec!["nodedev_source_template".to_owned()]
    }

    async fn apply(&self, change: HostChange) -> Applied {
        match change {
            HostChange::Add(n) | HostChange::Change(n) => self.change(n),
            HostChange::Remove(n) | HostChange::VanishDuringRead(n) => self.remove(n),
            HostChange::Rename(n) => self.rename(n),
            HostChange::Announce(n, _) => self.announce(n),
            HostChange::AddFamily(..) => return Applied::Inapplicable("no device has a parent"),
            HostChange::Clear => self.clear(),
            HostChange::Corrupt(n, bad) => return self.corrupt(n, bad),
            HostChange::Mend(n) => self.mend(n),
            HostChange::Break(failure) => return self.break_host(failure),
            HostChange::Repair => self.repair(),
            _ => return Applied::Unsupported("unknown change"),
        }
        Applied::Done
    }
}

conformance_tests!(TestBed);
