//! A source with a fault: passes everything on to the source that it wraps, until it is told to misbehave.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{
    Counter, ErrorKind, EventSink, HintStream, Inventory, Listing, NodeDeviceSource, Snapshot,
    SourceError, SourceEvent, SourceInfo, Watch, async_trait,
};
use nodedev_types::{DeviceId, Diagnostic, FieldName, Observation, Revision, SourceId, Value};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::stress::priority::give_way;

/// What the calls and messages of a source turn into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misbehaviour {
    /// Every call panics.
    Panic,
    /// No call comes back.
    Hang,
    /// Every call takes long.
    Slow,
    /// What the contract forbids: streams and fields that were never declared, devices of others.
    Garbage,
    /// Requests to be read again, as fast as they are taken.
    Flood,
}

impl Misbehaviour {
    /// The misbehaviour of that name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "panic" => Self::Panic,
            "hang" => Self::Hang,
            "slow" => Self::Slow,
            "garbage" => Self::Garbage,
            "flood" => Self::Flood,
            _ => return None,
        })
    }
}

/// How long a call of a slow source takes: less than its deadline, more than a source should.
pub(super) const SLOW: Duration = Duration::from_millis(700);

/// Has a source misbehave from outside.
pub(super) type Switch = watch::Sender<Option<Misbehaviour>>;

/// A source that may misbehave. It keeps the sink, so that the source's own end cannot be seen: where none of its own
/// code misbehaves there is to be no wrapper.
#[derive(Debug)]
pub(super) struct Faulty {
    inner: Arc<dyn NodeDeviceSource>,
    now: watch::Receiver<Option<Misbehaviour>>,
}

impl Faulty {
    /// This source, well-behaved, and what changes that.
    pub(super) fn new(inner: Arc<dyn NodeDeviceSource>) -> (Arc<Self>, Switch) {
        let (switch, now) = watch::channel(None);
        (Arc::new(Self { inner, now }), switch)
    }

    /// Whether garbage shall follow.
    async fn act(&self, call: &str) -> bool {
        let now = *self.now.borrow();
        match now {
            Some(Misbehaviour::Panic) => panic!("a panic that was asked for, in {call}"),
            Some(Misbehaviour::Hang) => std::future::pending().await,
            Some(Misbehaviour::Slow) => tokio::time::sleep(SLOW).await,
            _ => {}
        }
        now == Some(Misbehaviour::Garbage)
    }
}

#[async_trait]
impl NodeDeviceSource for Faulty {
    fn info(&self) -> SourceInfo {
        self.inner.info()
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        self.act("watch").await;
        let inner = self.inner.watch(sink.clone(), hints).await?;
        let devil = tokio::spawn(disturb(sink, self.now.clone(), self.inner.info()));
        Ok(Watch::new(Guard { _inner: inner, devil }))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let is_garbage = self.act("snapshot").await;
        let mut snapshot = self.inner.snapshot().await?;
        if is_garbage {
            let word = garbage(&SourceId::new("nobody"), &DeviceId::Computer, Revision(1));
            let listing = Listing::complete(word.source.clone(), word.revision, vec![word]);
            snapshot.listings.push(listing);
            snapshot.diagnostics.push(Diagnostic::warning("\u{0}\u{fffd}", "\n\n\u{1b}[31m"));
        }
        Ok(snapshot)
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        if self.act("refresh").await {
            return Ok(Some(garbage(&SourceId::new("nobody"), &DeviceId::Computer, Revision(0))));
        }
        self.inner.refresh(id).await
    }

    async fn inventory(&self) -> Result<Option<Inventory>, SourceError> {
        if self.act("inventory").await {
            return Err(SourceError::new(ErrorKind::Malformed, "garbage"));
        }
        self.inner.inventory().await
    }

    fn counters(&self) -> Vec<Counter> {
        self.inner.counters()
    }
}

struct Guard {
    _inner: Watch,
    devil: JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.devil.abort();
    }
}

/// Sends what a misbehaving source sends, and has the source read when it begins to misbehave.
async fn disturb(
    sink: EventSink,
    mut now: watch::Receiver<Option<Misbehaviour>>,
    info: SourceInfo,
) {
    let resync = || SourceEvent::Resync { reason: "a fault begins or ends".to_owned() };
    loop {
        let fault = *now.borrow_and_update();
        match fault {
            Some(Misbehaviour::Flood) => {
                let (sink, now) = (sink.clone(), now.clone());
                // In a thread of its own: no task can give way to the others.
                let (ended, end) = oneshot::channel::<Infallible>();
                std::thread::spawn(move || {
                    give_way();
                    while !now.has_changed().unwrap_or(true) {
                        sink.send(resync());
                    }
                    drop(ended);
                });
                let _ = end.await;
            }
            Some(Misbehaviour::Garbage) => info.streams.iter().for_each(|stream| {
                // Of devices that it does not have, with fields that it does not own.
                for device in [DeviceId::Computer, DeviceId::foreign("", "\u{0}/..")] {
                    let word = garbage(&SourceId::new("nobody"), &device, Revision(u64::MAX));
                    sink.send(SourceEvent::Observed(word));
                    sink.send(SourceEvent::Gone {
                        source: stream.id.clone(),
                        device,
                        revision: Revision(0),
                    });
                }
            }),
            _ => {}
        }
        if now.changed().await.is_err() {
            return;
        }
        sink.send(resync());
    }
}

fn garbage(stream: &SourceId, device: &DeviceId, revision: Revision) -> Observation {
    let word = (FieldName::extension("nobody", "word"), Value::from("\u{0}<&>\u{1b}"));
    let fields = [word].into_iter().collect();
    Observation { source: stream.clone(), device: device.clone(), revision, fields }
}
