//! A harness over a scripted source with one stream of kernel devices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nodedev_source::{ErrorKind, NodeDeviceSource, Presence, SourceError};
use nodedev_source_testkit::{
    Announcement, Applied, BadInput, Behaviour, Harness, HostChange, Order, ScriptedHost,
    ScriptedSource, Skip, async_trait,
};
use nodedev_types::fields::{device, mdev, net};
use nodedev_types::{Capability, DeviceId, Diagnostic, FieldSet, Fields};

pub(crate) struct Bed {
    pub(crate) host: ScriptedHost,
    renamed: [AtomicUsize; 32],
    changes: AtomicUsize,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let fields = FieldSet::new()
            .with(device::CAPABILITY)
            .with(device::ADDRESS)
            .with(mdev::PARENT_ADDR)
            .with(net::ADDRESS)
            .with(net::LINK_STATE);
        Self {
            host: ScriptedSource::new("scripted", Presence::Active, fields).1,
            renamed: Default::default(),
            changes: AtomicUsize::new(0),
        }
    }

    fn fields(&self, n: usize) -> Fields {
        let mut fields = Fields::new();
        fields.set(device::CAPABILITY, Capability::Net);
        fields.set(device::ADDRESS, address(n));
        fields.set(net::ADDRESS, "52:54:00:00:00:00");
        fields.set(net::LINK_STATE, "up");
        fields
    }

    fn changed(&self, n: usize) -> Fields {
        let change = self.changes.fetch_add(1, Ordering::Relaxed);
        let mut fields = self.fields(n);
        fields.set(net::ADDRESS, format!("change {change}"));
        fields
    }

    fn add_child(&self, n: usize) {
        let mut fields = Fields::new();
        fields.set(device::CAPABILITY, Capability::Mdev);
        fields.set(mdev::PARENT_ADDR, address(n));
        self.host.set(&self.child(n), fields);
    }

    fn rename(&self, n: usize) {
        let old = self.device(n);
        self.renamed[n].fetch_add(1, Ordering::Relaxed);
        self.host.rename(&old, &self.device(n));
    }

    fn corrupt(&self, n: usize, bad: BadInput) -> Applied {
        let diagnostic = Diagnostic::warning(self.mark(n), format!("{bad:?}"));
        match bad {
            BadInput::Missing => {
                let mut fields = self.fields(n);
                fields.set_opt(net::ADDRESS, None::<String>);
                self.host.set(&self.device(n), fields);
                return Applied::Ordinary;
            }
            BadInput::Directory => return Applied::Inapplicable("there are no files"),
            BadInput::Huge => self.host.set_diagnostics(vec![diagnostic]),
            _ => self.host.unreadable(&self.device(n), diagnostic),
        }
        Applied::Done
    }

    fn mend(&self, n: usize) {
        self.host.set_diagnostics(vec![]);
        self.host.set(&self.device(n), self.fields(n));
    }
}

fn address(n: usize) -> String {
    format!("address{n}")
}

#[async_trait]
impl Harness for Bed {
    async fn make() -> Result<Self, Skip> {
        Ok(Self::new())
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        self.host.source()
    }

    fn device(&self, n: usize) -> DeviceId {
        let renamed = self.renamed[n].load(Ordering::Relaxed);
        DeviceId::sysfs(&format!("/sys/devices/scripted/d{n}_{renamed}")).unwrap()
    }

    fn child(&self, n: usize) -> DeviceId {
        DeviceId::mdev(&format!("child{n}"), &address(n))
    }

    async fn apply(&self, change: HostChange) -> Applied {
        match change {
            HostChange::Add(n) => self.host.set(&self.device(n), self.fields(n)),
            HostChange::Change(n) => self.host.set(&self.device(n), self.changed(n)),
            HostChange::Remove(n) => self.host.remove(&self.device(n)),
            HostChange::Rename(n) => self.rename(n),
            HostChange::Announce(
                n,
                Announcement::Add | Announcement::Change | Announcement::Remove,
            ) => {
                self.host.repeat(&self.device(n));
            }
            HostChange::AddFamily(n, Order::ParentFirst) => {
                self.host.set(&self.device(n), self.fields(n));
                self.add_child(n);
            }
            HostChange::AddFamily(n, Order::ChildFirst) => {
                self.add_child(n);
                self.host.set(&self.device(n), self.fields(n));
            }
            HostChange::Clear => self.host.clear(),
            HostChange::Corrupt(n, bad) => return self.corrupt(n, bad),
            HostChange::Mend(n) => self.mend(n),
            HostChange::VanishDuringRead(n) => self.host.vanish_after_read(&self.device(n)),
            HostChange::Break(failure) => {
                let error = SourceError::new(failure.kind(), "broken");
                if failure.kind() == ErrorKind::Malformed {
                    let stream = self.host.info().streams[0].id.clone();
                    self.host.fail_stream(&stream, Some(error));
                } else {
                    self.host.on_snapshot(Behaviour::Fail(error));
                }
            }
            HostChange::Repair => {
                let stream = self.host.info().streams[0].id.clone();
                self.host.fail_stream(&stream, None);
                self.host.on_snapshot(Behaviour::Normal);
            }
            _ => return Applied::Unsupported("unknown change"),
        }
        Applied::Done
    }

    fn tracing_targets(&self) -> Vec<String> {
        vec!["nodedev_source_testkit::scripted".to_owned()]
    }
}
