//! What a client wants to hear, and what it has not been told yet.
//!
//! libvirt's protocol has no word for missed events, so none is ever left out: what one client has
//! not read yet is put together per device, and a client that lets even that grow over its bound is
//! disconnected, which tells it to read everything again.

mod pending;

use std::collections::BTreeMap;
use std::sync::Arc;

use nodedev_registry::{Batch, Change, Missed, NextError, Snapshot, Subscription};
use nodedev_rpc::{ErrorCode, ErrorDomain, EventKind, EventRegisterArgs};
use nodedev_types::DeviceName;

use self::pending::Pending;
use crate::counts::Part;
use crate::session::Shared;
use crate::virt_error::{self, Failure};

/// Registrations of one client.
const MOST_CALLBACKS: usize = 4096;
/// Bytes of the names in all registrations of one client: it may name devices that do not exist.
const MOST_NAMES: usize = 1 << 20;

/// One registration.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Callback {
    kind: EventKind,
    /// Only of that device.
    device: Option<DeviceName>,
}

/// The registrations of one client.
#[derive(Debug)]
pub(crate) struct Callbacks {
    registered: BTreeMap<i32, Callback>,
    following: Option<Following>,
    pending: Pending,
    /// Shows how much waits.
    part: Part,
    /// Events that need not be told, since this was last asked.
    coalesced: usize,
}

/// The place in the stream of events.
#[derive(Debug)]
struct Following {
    subscription: Subscription,
    /// The list that everything noted so far leads to.
    at: Arc<Snapshot>,
}

/// Why there is nothing more to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The client has left more unread than it may.
    TooMany,
    /// The registry has been shut down.
    Closed,
}

impl Callbacks {
    pub(crate) const fn new(limit: usize, part: Part) -> Self {
        Self {
            registered: BTreeMap::new(),
            following: None,
            pending: Pending::new(limit),
            part,
            coalesced: 0,
        }
    }

    /// How many events need not be told, since this was last asked.
    pub(crate) const fn take_coalesced(&mut self) -> usize {
        std::mem::replace(&mut self.coalesced, 0)
    }

    /// Notes a registration and gives its number.
    pub(crate) fn register(
        &mut self,
        shared: &Shared,
        args: EventRegisterArgs,
    ) -> Result<i32, Failure> {
        if let EventKind::Unknown(kind) = args.event {
            let text = format!("unsupported node device event ID {kind}");
            return Err(virt_error::internal(text));
        }
        let device = args.device.map(|device| DeviceName::new(&device.name));
        let callback = Callback { kind: args.event, device };
        self.check_room(&callback)?;
        if self.registered.values().any(|known| *known == callback) {
            let detail = "event callback already tracked";
            return Err(virt_error::new(ErrorCode::InvalidArg, ErrorDomain::None, detail));
        }
        self.following.get_or_insert_with(|| {
            let (at, subscription) = shared.registry.subscribe();
            Following { subscription, at }
        });
        let id = shared.next_callback();
        self.registered.insert(id, callback);
        Ok(id)
    }

    fn check_room(&self, new: &Callback) -> Result<(), Failure> {
        let bytes = |callback: &Callback| {
            callback.device.as_ref().map_or(0, |device| device.as_str().len())
        };
        let names: usize = self.registered.values().map(bytes).sum();
        if self.registered.len() >= MOST_CALLBACKS || names + bytes(new) > MOST_NAMES {
            return Err(virt_error::internal("too many node device event callbacks"));
        }
        Ok(())
    }

    /// Forgets a registration and what has not been told of it.
    pub(crate) fn deregister(&mut self, id: i32) -> Result<(), Failure> {
        if self.registered.remove(&id).is_none() {
            let text = format!("node device event callback {id} not registered");
            return Err(virt_error::internal(text));
        }
        self.pending.forget(id);
        self.part.set(self.pending.len());
        if self.registered.is_empty() {
            self.following = None;
        }
        Ok(())
    }

    /// Whether the client hears of nothing, and has been told everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.registered.is_empty() && self.pending.len() == 0
    }

    /// Waits for something to happen and notes what the client wants to hear of it. The future may
    /// be dropped without losing anything. Never ends while nothing is registered.
    pub(crate) async fn follow(&mut self) -> Result<(), Ended> {
        let Some(following) = &mut self.following else {
            return std::future::pending().await;
        };
        match following.subscription.next().await {
            Ok(batch) => self.note_batch(&batch),
            Err(NextError::Missed(missed)) => self.note_difference(&missed),
            Err(NextError::Closed) => Err(Ended::Closed),
        }
    }

    /// The next event to be told, as a whole frame.
    pub(crate) fn next_frame(&mut self) -> Option<Vec<u8>> {
        let frame = self.pending.next_frame();
        self.part.set(self.pending.len());
        frame
    }

    fn note_batch(&mut self, batch: &Batch) -> Result<(), Ended> {
        self.note(&batch.changes, &batch.snapshot)?;
        self.moved_to(&batch.snapshot);
        Ok(())
    }

    /// The registry has not kept every event for so long: what is different now is told instead.
    fn note_difference(&mut self, missed: &Missed) -> Result<(), Ended> {
        let Some(following) = &self.following else {
            return Ok(());
        };
        let changes = difference(&following.at, &missed.snapshot);
        tracing::debug!(events = changes.len(), "a follower fell behind and gets the difference");
        self.note(&changes, &missed.snapshot)?;
        self.moved_to(&missed.snapshot);
        Ok(())
    }

    fn moved_to(&mut self, snapshot: &Arc<Snapshot>) {
        if let Some(following) = &mut self.following {
            following.at = Arc::clone(snapshot);
        }
    }

    /// Notes what has led to that list.
    fn note(&mut self, changes: &[Change], list: &Snapshot) -> Result<(), Ended> {
        let before = self.pending.len();
        let mut noted = 0;
        for change in changes {
            let is_listed = list.device(change.name.as_str()).is_some();
            for (id, callback) in &self.registered {
                if !callback.wants(change) {
                    continue;
                }
                noted += 1;
                if !self.pending.note(*id, change, is_listed) {
                    return Err(Ended::TooMany);
                }
            }
        }
        self.coalesced += before + noted - self.pending.len();
        self.part.set(self.pending.len());
        Ok(())
    }
}

impl Callback {
    fn wants(&self, change: &Change) -> bool {
        let kind = match change.kind {
            nodedev_registry::ChangeKind::Updated => EventKind::Update,
            _ => EventKind::Lifecycle,
        };
        kind == self.kind && self.device.as_ref().is_none_or(|device| *device == change.name)
    }
}

/// The events that lead from one list to another.
fn difference(old: &Snapshot, new: &Snapshot) -> Vec<Change> {
    let gone = old.devices().filter(|device| new.device(device.name.as_str()).is_none());
    let gone = gone.map(|device| (Some(&**device), None));
    let here = new.devices().filter_map(|device| {
        let before = old.device(device.name.as_str());
        let same = before.is_some_and(|before| Arc::ptr_eq(before, device));
        (!same).then_some((before.map(|before| &**before), Some(&**device)))
    });
    nodedev_merge::in_order(gone.chain(here))
}

#[cfg(test)]
mod tests {
    use nodedev_merge::builtin_streams;
    use nodedev_registry::Registry;
    use nodedev_source::SourceInfo;
    use nodedev_source_testkit::ScriptedSource;
    use nodedev_types::fields::{device, mdev};
    use nodedev_types::{Capability, DeviceId, Fields, SourceId};

    use super::*;
    use crate::counts::Counts;

    const UUID: &str = "aaaaaaaa-0000-4000-8000-000000000001";

    #[tokio::test(start_paused = true)]
    async fn only_what_is_no_longer_listed_takes_its_events_back() {
        let (udev, defined) =
            (SourceId::new(SourceId::UDEV), SourceId::new(SourceId::MDEVCTL_DEFINED));
        let streams =
            builtin_streams().into_iter().filter(|stream| [&udev, &defined].contains(&&stream.id));
        let info = streams.fold(SourceInfo::new("all", "1"), SourceInfo::with_stream);
        let (source, host) = ScriptedSource::with_info(info);
        let registry = Registry::builder().source(source).start().unwrap();
        registry.ready().await;
        let (at, subscription) = registry.subscribe();
        let callback = Callback { kind: EventKind::Lifecycle, device: None };
        let mut callbacks = Callbacks {
            registered: BTreeMap::from([(1, callback)]),
            following: Some(Following { subscription, at }),
            ..Callbacks::new(9, Counts::new(&[]).pending.part())
        };

        let (id, mut fields) = (DeviceId::mdev(UUID, "0000:00:02.0"), Fields::new());
        fields.set(device::CAPABILITY, Capability::Mdev);
        fields.set(mdev::UUID, UUID);
        host.set_on(&defined, &id, fields.clone());
        callbacks.follow().await.unwrap();
        host.set_on(&udev, &id, fields);
        callbacks.follow().await.unwrap();
        host.remove_on(&udev, &id);
        callbacks.follow().await.unwrap();
        assert_eq!(callbacks.pending.len(), 3, "defined, created and deleted: it is still listed");
        host.remove_on(&defined, &id);
        callbacks.follow().await.unwrap();
        assert_eq!(callbacks.pending.len(), 2, "nobody needs to hear that it was defined");
    }
}
