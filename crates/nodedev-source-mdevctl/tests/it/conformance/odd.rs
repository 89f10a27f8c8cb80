//! A scripted mdevctl that prints what no version does, on a host without a configuration directory:
//! only hints tell of changes.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nodedev_source::NodeDeviceSource;
use nodedev_source_mdevctl::MdevctlSource;
use nodedev_source_testkit::{
    Applied, BadInput, Failure, Harness, HostChange, Skip, async_trait, conformance_tests,
};
use nodedev_types::DeviceId;

use crate::host::{Host, PARENT, uuid};

struct Odd {
    host: Host,
    devices: Mutex<BTreeMap<usize, Device>>,
}

#[derive(Default)]
struct Device {
    changes: usize,
    bad: Option<BadInput>,
}

impl Device {
    fn json(&self) -> Vec<u8> {
        let changes = self.changes;
        match self.bad {
            None => format!(
                r#"{{"mdev_type":"t","attrs":[{{"n":"{changes}"}}],"start":"auto","x":[1]}}"#
            )
            .into_bytes(),
            Some(BadInput::Missing) => b"{}".to_vec(),
            Some(BadInput::Huge) => {
                format!(r#"{{"mdev_type":"t","attrs":["{}"]}}"#, "a".repeat(5_000_000)).into_bytes()
            }
            Some(BadInput::NotUtf8) => b"{\"mdev_type\":\"\xff\"}".to_vec(),
            Some(_) => b"5".to_vec(),
        }
    }
}

impl Odd {
    fn devices(&self) -> MutexGuard<'_, BTreeMap<usize, Device>> {
        self.devices.lock().unwrap()
    }

    /// An element for each device, uuids in upper case; the active listing knows every other device.
    fn print(&self) {
        let devices = self.devices();
        let listing = |wanted: &dyn Fn(usize) -> bool| {
            let elements: Vec<Vec<u8>> = devices
                .iter()
                .filter(|(n, _)| wanted(**n))
                .map(|(n, device)| {
                    let uuid = uuid(*n).to_uppercase();
                    let head = format!(r#"{{"{PARENT}":[{{"{uuid}":"#);
                    [head.as_bytes(), &device.json(), b"}]}"].concat()
                })
                .collect();
            [&b"["[..], &elements.join(&b",\n"[..]), b"]"].concat()
        };
        self.host.answer("defined", listing(&|_| true));
        self.host.answer("active", listing(&|n| n % 2 == 0));
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
            }
            Failure::Hangs => self.host.behave("sleep 1000 & wait"),
            Failure::Garbage => self.host.behave("echo '[{]'; exit 0"),
            _ => self.host.behave("exit 101"),
        }
        Applied::Done
    }

    fn repair(&self) {
        self.host.behave("");
        self.host.play("fake-mdevctl.sh");
    }
}

#[async_trait]
impl Harness for Odd {
    async fn make() -> Result<Self, Skip> {
        Ok(Self { host: Host::scripted(), devices: Mutex::default() })
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        let mut config = self.host.config();
        config.deadline = Duration::from_secs(3);
        Arc::new(MdevctlSource::new(config))
    }

    fn device(&self, n: usize) -> DeviceId {
        DeviceId::mdev(&uuid(n), PARENT)
    }

    fn child(&self, n: usize) -> DeviceId {
        DeviceId::mdev(&uuid(100 + n), PARENT)
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn tracing_targets(&self) -> Vec<String> {
        vec!["nodedev_source_mdevctl".to_owned()]
    }

    async fn apply(&self, change: HostChange) -> Applied {
        match change {
            HostChange::Add(n) => {
                self.devices().insert(n, Device::default());
            }
            HostChange::Change(n) => self.devices().entry(n).or_default().changes += 1,
            HostChange::Remove(n) | HostChange::VanishDuringRead(n) => {
                self.devices().remove(&n);
            }
            HostChange::Clear => self.devices().clear(),
            HostChange::Announce(..) => {}
            HostChange::Rename(_) => {
                return Applied::Inapplicable("a mediated device keeps its uuid and its parent");
            }
            HostChange::AddFamily(..) => {
                return Applied::Inapplicable("a mediated device has no children");
            }
            HostChange::Corrupt(_, BadInput::Truncated | BadInput::Directory) => {
                return Applied::Inapplicable("a listing is whole or garbage, and no file");
            }
            HostChange::Corrupt(n, bad) => self.devices().entry(n).or_default().bad = Some(bad),
            HostChange::Mend(n) => self.devices().entry(n).or_default().bad = None,
            HostChange::Break(failure) => return self.fail(failure),
            HostChange::Repair => {
                self.repair();
                return Applied::Done;
            }
            _ => return Applied::Unsupported("unknown change"),
        }
        self.print();
        Applied::Hinted
    }
}

conformance_tests!(Odd);
