//! The example source of `nodedev-source` passes the kit.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, reason = "a test bed that cannot write is no test bed")]

#[path = "../../nodedev-source/examples/static_source.rs"]
pub mod static_source;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use nodedev_source::NodeDeviceSource;
use nodedev_source_testkit::{
    Applied, BadInput, Failure, Harness, HostChange, Skip, async_trait, conformance_tests,
};
use nodedev_types::DeviceId;
use static_source::StaticSource;
use tempfile::TempDir;

struct TestBed {
    folder: TempDir,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tables: BTreeMap<String, String>,
    renamed: BTreeMap<usize, usize>,
    changes: usize,
}

impl TestBed {
    fn file(&self) -> PathBuf {
        self.folder.path().join("devices.toml")
    }

    fn key(&self, n: usize) -> String {
        let state = self.state.lock().expect("unpoisoned");
        format!("device{n}-{}", state.renamed.get(&n).unwrap_or(&0))
    }

    fn set(&self, key: String, entries: &str) {
        let mut state = self.state.lock().expect("unpoisoned");
        state.changes += 1;
        let table = format!("[{key}]\nchange = {}\n{entries}\n", state.changes)
            .replace("change", "\"static:change\"");
        state.tables.insert(key, table);
    }

    fn remove(&self, key: &str) {
        self.state.lock().expect("unpoisoned").tables.remove(key);
    }

    fn rename(&self, n: usize) {
        let old = self.key(n);
        *self.state.lock().expect("unpoisoned").renamed.entry(n).or_default() += 1;
        self.remove(&old);
        self.set(self.key(n), "driver = \"acme\"");
    }

    fn corrupt(&self, n: usize, bad: BadInput) -> Option<Applied> {
        let applied = match bad {
            BadInput::Missing => {
                self.set(self.key(n), "");
                Applied::Ordinary
            }
            BadInput::Unparsable => {
                self.set(self.key(n), "driver = [1979-05-27]");
                Applied::Done
            }
            _ => return None,
        };
        Some(applied)
    }

    /// Writes the file anew, in one step.
    fn write(&self) {
        let tables = self.state.lock().expect("unpoisoned").tables.clone();
        let text: String = tables.into_values().collect();
        let draft = self.folder.path().join("draft");
        fs::write(&draft, text).expect("written");
        fs::rename(draft, self.file()).expect("renamed");
    }

    fn break_file(&self, failure: Failure) -> Applied {
        let file = self.file();
        match failure {
            Failure::Absent => fs::remove_file(file).expect("removed"),
            Failure::Garbage => fs::write(file, "= = =").expect("written"),
            Failure::Fails => {
                fs::remove_file(&file).expect("removed");
                fs::create_dir(file).expect("made");
            }
            Failure::Denied => {
                fs::set_permissions(&file, Permissions::from_mode(0o000)).expect("denied");
                if fs::read(&file).is_ok() {
                    self.write();
                    return Applied::Inapplicable("this process may read everything");
                }
            }
            _ => return Applied::Inapplicable("a file always answers"),
        }
        Applied::Done
    }

    fn repair(&self) {
        let _ = fs::remove_dir(self.file());
        self.write();
    }
}

#[async_trait]
impl Harness for TestBed {
    async fn make() -> Result<Self, Skip> {
        let folder = TempDir::new().map_err(|error| Skip::new(error.to_string()))?;
        let bed = Self { folder, state: Mutex::default() };
        bed.write();
        Ok(bed)
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        Arc::new(StaticSource::from_file(self.file()))
    }

    fn device(&self, n: usize) -> DeviceId {
        DeviceId::foreign("static", &self.key(n))
    }

    fn child(&self, n: usize) -> DeviceId {
        DeviceId::foreign("static", &format!("child{n}"))
    }

    async fn apply(&self, change: HostChange) -> Applied {
        let mut applied = Applied::Done;
        match change {
            HostChange::Add(n) | HostChange::Change(n) | HostChange::Mend(n) => {
                self.set(self.key(n), "driver = \"acme\"");
            }
            HostChange::Remove(n) => self.remove(&self.key(n)),
            HostChange::Rename(n) => self.rename(n),
            HostChange::Announce(..) => {}
            HostChange::Clear => self.state.lock().expect("unpoisoned").tables.clear(),
            HostChange::Corrupt(n, bad) => match self.corrupt(n, bad) {
                Some(done) => applied = done,
                None => return Applied::Inapplicable("one file holds every device"),
            },
            HostChange::AddFamily(..) => return Applied::Inapplicable("no device has a parent"),
            HostChange::VanishDuringRead(_) => {
                return Applied::Inapplicable("all devices are read at once");
            }
            HostChange::Break(failure) => return self.break_file(failure),
            HostChange::Repair => {
                self.repair();
                return Applied::Done;
            }
            _ => return Applied::Unsupported("unknown change"),
        }
        self.write();
        applied
    }
}

conformance_tests!(TestBed);
