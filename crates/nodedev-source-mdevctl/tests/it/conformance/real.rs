//! The installed mdevctl on a scratch host, changed by itself and by an operator's editor.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nodedev_source::NodeDeviceSource;
use nodedev_source_mdevctl::MdevctlSource;
use nodedev_source_testkit::{
    Applied, BadInput, Failure, Harness, HostChange, Skip, async_trait, conformance_tests,
};
use nodedev_types::DeviceId;

use crate::host::{Host, PARENT, definition, uuid};

struct Real {
    host: Host,
    changes: AtomicUsize,
}

const fn parent(n: usize) -> &'static str {
    if n.is_multiple_of(2) { PARENT } else { "matrix" }
}

impl Real {
    fn define(&self, n: usize) {
        self.host.replace("json", definition("t"));
        let json = format!("--jsonfile={}", self.host.path("json").display());
        let (parent, uuid) = (format!("--parent={}", parent(n)), format!("--uuid={}", uuid(n)));
        self.run(&["define", &parent, &uuid, &json]);
    }

    fn undefine(&self, n: usize) {
        self.run(&["undefine", &format!("--uuid={}", uuid(n))]);
    }

    fn run(&self, arguments: &[&str]) {
        let output = self.host.mdevctl(arguments);
        assert!(output.status.success(), "{output:?}");
    }

    fn edit(&self, n: usize, contents: impl AsRef<[u8]>) {
        let file = self.host.definition(parent(n), n);
        if file.is_dir() {
            fs::remove_dir(&file).unwrap();
        }
        let below = file.strip_prefix(self.host.path("")).unwrap();
        self.host.replace(below.to_str().unwrap(), contents);
    }

    fn clear(&self) {
        for parent in [PARENT, "matrix"] {
            let directory = self.host.path("etc/mdevctl.d").join(parent);
            if directory.exists() {
                fs::remove_dir_all(directory).unwrap();
            }
        }
    }

    fn corrupt(&self, n: usize, bad: BadInput) {
        let good = definition("t");
        match bad {
            BadInput::Missing => self.edit(n, r#"{"attrs":[]}"#),
            BadInput::Huge => self.edit(n, vec![b' '; 10_000_000]),
            BadInput::Truncated => self.edit(n, &good[..good.len() / 2]),
            BadInput::NotUtf8 => self.edit(n, b"{\"mdev_type\":\"\xff\",\"start\":\"auto\"}"),
            BadInput::Directory => {
                fs::remove_file(self.host.definition(parent(n), n)).unwrap();
                fs::create_dir(self.host.definition(parent(n), n)).unwrap();
            }
            _ => self.edit(n, "words"),
        }
    }

    fn fail(&self, failure: Failure) -> Applied {
        match failure {
            Failure::Absent => {
                fs::remove_file(self.host.program()).unwrap();
                return Applied::Ordinary;
            }
            Failure::Denied => {
                fs::remove_file(self.host.program()).unwrap();
                fs::write(self.host.program(), "").unwrap();
                return Applied::Done;
            }
            Failure::Hangs => self.host.behave("sleep 1000"),
            Failure::Garbage => self.host.behave("echo NaN; exit 0"),
            _ => self.host.behave("echo 'Error: out of luck' >&2; exit 1"),
        }
        self.host.play("fake-mdevctl.sh");
        Applied::Done
    }
}

#[async_trait]
impl Harness for Real {
    async fn make() -> Result<Self, Skip> {
        Ok(Self { host: Host::real().map_err(Skip::new)?, changes: AtomicUsize::default() })
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        let mut config = self.host.config();
        config.deadline = Duration::from_secs(3);
        Arc::new(MdevctlSource::new(config))
    }

    fn device(&self, n: usize) -> DeviceId {
        DeviceId::mdev(&uuid(n), parent(n))
    }

    fn child(&self, n: usize) -> DeviceId {
        DeviceId::mdev(&uuid(100 + n), parent(n))
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn tracing_targets(&self) -> Vec<String> {
        vec!["nodedev_source_mdevctl".to_owned()]
    }

    async fn apply(&self, change: HostChange) -> Applied {
        match change {
            HostChange::Add(n) => self.define(n),
            HostChange::Change(n) => {
                let count = self.changes.fetch_add(1, Ordering::Relaxed);
                self.edit(n, definition(&format!("t{count}")));
            }
            HostChange::Remove(n) => self.undefine(n),
            HostChange::Clear => self.clear(),
            HostChange::Announce(..) => return Applied::Hinted,
            HostChange::Rename(_) => {
                return Applied::Inapplicable("a mediated device keeps its uuid and its parent");
            }
            HostChange::AddFamily(..) => {
                return Applied::Inapplicable("a mediated device has no children");
            }
            HostChange::Corrupt(n, bad) => self.corrupt(n, bad),
            HostChange::Mend(n) => self.edit(n, definition("t")),
            HostChange::VanishDuringRead(n) => {
                let file = self.host.definition(parent(n), n);
                self.host.replace("vanish", file.to_str().unwrap());
            }
            HostChange::Break(failure) => return self.fail(failure),
            HostChange::Repair => self.host.play("real-mdevctl.sh"),
            _ => return Applied::Unsupported("unknown change"),
        }
        Applied::Done
    }
}

conformance_tests!(Real);
