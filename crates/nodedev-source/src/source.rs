//! The trait that a source implements.

use std::any::Any;
use std::fmt;

use async_trait::async_trait;
use nodedev_types::{DeviceId, Observation};

use crate::{Counter, EventSink, HintStream, Inventory, Snapshot, SourceError, SourceInfo};

/// Something that knows a part of a host's devices.
///
/// The registry calls `info` once, then `watch`, then `snapshot`, and from then on `snapshot`
/// whenever the source asks for it by [`SourceEvent::Resync`](crate::SourceEvent::Resync). It calls
/// `refresh` at any time, several at once, also while a snapshot is being taken. After an error the
/// registry drops the [`Watch`] and starts again with `watch`, so a source must be able to be
/// watched anew.
///
/// The calls run on the threads that serve the clients. What may block, as the reading of a file may, belongs
/// into a thread of the source's own or into `spawn_blocking`: a call that hangs at an await is ended at its
/// deadline and costs nobody anything, one that holds its thread is missed by all.
///
/// A source reports what it reads and nothing that it remembers: differences, histories and
/// relations between devices are the registry's business.
#[async_trait]
pub trait NodeDeviceSource: fmt::Debug + Send + Sync + 'static {
    /// Who this source is and what it may say.
    ///
    /// Constant for the life of the value; reads nothing.
    fn info(&self) -> SourceInfo;

    /// Arms the source: from the return of this call on, every change reaches `sink`.
    ///
    /// A device that appears between this call and the reading of a snapshot is seen at least once.
    /// The sink never blocks; when its queue is full, the registry learns of it and takes a
    /// snapshot. `hints` tells that another source has news of a capability in
    /// [`SourceInfo::interests`]: a source without interests ignores it.
    ///
    /// A tool that is absent is no error here if its arrival can be watched for. Dropping the
    /// returned [`Watch`] ends every thread, child process and descriptor of this watch within a
    /// bounded time. A sink that is dropped while the watch is held tells the registry that the
    /// source has failed. The future may be dropped at any await.
    ///
    /// # Errors
    ///
    /// Any [`SourceError`]; the registry marks the source degraded and tries again with backoff.
    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError>;

    /// Reads everything that this source knows, one [`Listing`](crate::Listing) for each stream.
    ///
    /// The revision of each listing is taken before the reading begins. A device that cannot be read
    /// is named in [`Listing::unreadable`](crate::Listing::unreadable) with a diagnostic, one that
    /// vanishes meanwhile is left out, and all others are there. A stream that fails as a whole
    /// carries its error in its listing, beside the other streams. A host without devices gives
    /// empty listings. The future may be dropped at any await.
    ///
    /// # Errors
    ///
    /// A [`SourceError`] when no stream could be read; what was said before stays, marked stale.
    async fn snapshot(&self) -> Result<Snapshot, SourceError>;

    /// Reads again, for one device, the fields that the field table marks
    /// [`OnDump`](nodedev_types::Refresh::OnDump).
    ///
    /// The answer holds just those of them that this source claims now: one that is missing is
    /// absent. `None` means that this source has nothing to read again for the device. The answer is
    /// laid over the current observation for the one caller and never stored. Where
    /// [`may_block`](crate::may_block) says so, it may be read on the thread of the call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Gone`](crate::ErrorKind::Gone) when the device has vanished, or whatever kept it
    /// from being read; the caller then gets the stored values and the error as a diagnostic.
    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError>;

    /// Names the devices that there are now, at a small part of what a snapshot costs.
    ///
    /// The registry asks now and then whether its list is that of the host: the answer must come from
    /// the host and not from what was said before, and name what a snapshot would. A device that it
    /// names and the list does not, or the other way round, twice in a row and without a word about it
    /// in between, is a fault of ours: it is told to the operator, and the source is read again.
    ///
    /// `None`, which is also what a source gives that does not implement this, means that there is no
    /// cheaper way to know than a snapshot; such a source is not checked. The future may be dropped at
    /// any await. A source that wraps another must pass the call on.
    ///
    /// # Errors
    ///
    /// A [`SourceError`] when it cannot be told now: nothing is compared, which is told.
    async fn inventory(&self) -> Result<Option<Inventory>, SourceError> {
        Ok(None)
    }

    /// The numbers that this source keeps for operators, shown by `nodedev sources` and as metrics.
    ///
    /// Asked for once, before the first `watch`; the registry reads the shared values from then on and
    /// never calls the source for them. A source that does not implement this keeps none. A source that
    /// wraps another must pass the call on.
    fn counters(&self) -> Vec<Counter> {
        Vec::new()
    }
}

/// Keeps a source's watch alive; dropping it ends the watch.
pub struct Watch(#[expect(dead_code, reason = "held to be dropped")] Box<dyn Any + Send>);

impl Watch {
    /// A watch that ends when `guard` is dropped. A source that never changes guards its sink.
    pub fn new(guard: impl Send + 'static) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
