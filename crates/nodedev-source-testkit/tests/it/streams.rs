//! A harness over a scripted source with two streams that looks again only when it is hinted at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nodedev_source::{NodeDeviceSource, Presence, SourceInfo, StreamInfo};
use nodedev_source_testkit::{
    Applied, Failure, Harness, HostChange, ScriptedHost, ScriptedSource, Skip, async_trait,
};
use nodedev_types::fields::mdev;
use nodedev_types::{Capability, DeviceId, FieldSet, Fields, SourceId};

pub(crate) struct TwoStreams {
    host: ScriptedHost,
    changes: AtomicU64,
}

impl TwoStreams {
    fn set(&self, n: usize) -> Applied {
        let mut fields = Fields::new();
        let change = self.changes.fetch_add(1, Ordering::Relaxed);
        fields.set(mdev::TYPE, change.to_string());
        let id = self.device(n);
        self.host.set_on(&SourceId::new("pair/left"), &id, fields.clone());
        self.host.set_on(&SourceId::new("pair/right"), &id, fields);
        Applied::Hinted
    }

    fn remove(&self, n: usize) -> Applied {
        self.host.remove_on(&SourceId::new("pair/left"), &self.device(n));
        self.host.remove_on(&SourceId::new("pair/right"), &self.device(n));
        Applied::Hinted
    }

    fn break_right(&self, failure: Option<Failure>) -> Applied {
        let error = failure.map(|f| nodedev_source::SourceError::new(f.kind(), "broken"));
        self.host.fail_stream(&SourceId::new("pair/right"), error);
        Applied::Done
    }
}

#[async_trait]
impl Harness for TwoStreams {
    async fn make() -> Result<Self, Skip> {
        let fields = FieldSet::new().with(mdev::TYPE);
        let info = SourceInfo::new("pair", "1")
            .with_stream(StreamInfo::new("pair/left", Presence::Defined, fields.clone()))
            .with_stream(StreamInfo::new("pair/right", Presence::Nothing, fields))
            .with_interests(&[Capability::Mdev]);
        let (_, host) = ScriptedSource::with_info(info);
        host.lose_events(true);
        host.resync_on_hint(true);
        Ok(Self { host, changes: AtomicU64::new(0) })
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        self.host.source()
    }

    fn device(&self, n: usize) -> DeviceId {
        DeviceId::mdev(&format!("device{n}"), "parent")
    }

    fn child(&self, n: usize) -> DeviceId {
        DeviceId::mdev(&format!("child{n}"), &format!("device{n}"))
    }

    async fn apply(&self, change: HostChange) -> Applied {
        match change {
            HostChange::Add(n) | HostChange::Change(n) => self.set(n),
            HostChange::Remove(n) => self.remove(n),
            HostChange::Announce(..) => Applied::Hinted,
            HostChange::Rename(_) => Applied::Inapplicable("mediated devices keep their uuid"),
            HostChange::Clear => {
                self.host.clear();
                Applied::Hinted
            }
            HostChange::Break(failure) => self.break_right(Some(failure)),
            HostChange::Repair => self.break_right(None),
            HostChange::AddFamily(..) => Applied::Inapplicable("these devices have no children"),
            HostChange::Corrupt(..) | HostChange::Mend(_) => {
                Applied::Inapplicable("nothing is read that could be bad")
            }
            HostChange::VanishDuringRead(n) => {
                self.host.vanish_after_read(&self.device(n));
                Applied::Hinted
            }
            _ => Applied::Unsupported("unknown change"),
        }
    }
}
