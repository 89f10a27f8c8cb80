//! Sources that each break the contract in one way, over a right one.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nodedev_source::{
    Counter, ErrorKind, EventSink, HintStream, Inventory, NodeDeviceSource, Snapshot, SourceError,
    SourceEvent, SourceInfo, Watch, event_channel,
};
use nodedev_source_testkit::{Applied, Harness, HostChange, Skip, async_trait};
use nodedev_types::fields::{device, mdev, net};
use nodedev_types::{DeviceId, Diagnostic, Field, Observation, Revision, SourceId, Value};
use tokio::task::{JoinHandle, yield_now};

use crate::bed::Bed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Fault {
    InfoChanges,
    IdsChange,
    UndeclaredField,
    UndeclaredStream,
    WrongType,
    EmptyForAbsent,
    Unrepeatable,
    EmptyIsError,
    ArmsLate,
    DropsItsSink,
    LosesEvents,
    OldRevisions,
    SwallowsOverrun,
    Blocks,
    ForgetsOrphans,
    OwnAncestor,
    TakesNeighbours,
    NamesNothing,
    VanishingIsError,
    WrongKind,
    NeverRecovers,
    LeaksThread,
    LeaksDescriptor,
    KeepsItsSink,
    Prints,
    EmptyDebug,
    EndlessDebug,
    NamelessSpans,
    ForgetsInInventory,
}

const FAULTS: &[Fault] = &[
    Fault::InfoChanges,
    Fault::IdsChange,
    Fault::UndeclaredField,
    Fault::UndeclaredStream,
    Fault::WrongType,
    Fault::EmptyForAbsent,
    Fault::Unrepeatable,
    Fault::EmptyIsError,
    Fault::ArmsLate,
    Fault::DropsItsSink,
    Fault::LosesEvents,
    Fault::OldRevisions,
    Fault::SwallowsOverrun,
    Fault::Blocks,
    Fault::ForgetsOrphans,
    Fault::OwnAncestor,
    Fault::TakesNeighbours,
    Fault::NamesNothing,
    Fault::VanishingIsError,
    Fault::WrongKind,
    Fault::NeverRecovers,
    Fault::LeaksThread,
    Fault::LeaksDescriptor,
    Fault::KeepsItsSink,
    Fault::Prints,
    Fault::EmptyDebug,
    Fault::EndlessDebug,
    Fault::NamelessSpans,
    Fault::ForgetsInInventory,
];

/// Events after which a source that blocks waits for a snapshot.
const ROOM: usize = 4;

/// A right host whose source has the fault of that number.
pub(crate) struct FaultyBed<const FAULT: usize> {
    bed: Bed,
    sources: AtomicUsize,
}

#[async_trait]
impl<const FAULT: usize> Harness for FaultyBed<FAULT> {
    async fn make() -> Result<Self, Skip> {
        Ok(Self { bed: Bed::new(), sources: AtomicUsize::new(0) })
    }

    fn source(&self) -> Arc<dyn NodeDeviceSource> {
        assert_eq!(FAULTS[FAULT] as usize, FAULT);
        let faulty = Faulty {
            inner: self.bed.source(),
            fault: FAULTS[FAULT],
            instance: self.sources.fetch_add(1, Ordering::Relaxed),
            calls: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            unread: Arc::default(),
            unarmed: Mutex::default(),
            late: Arc::default(),
        };
        Arc::new(faulty)
    }

    fn device(&self, n: usize) -> DeviceId {
        self.bed.device(n)
    }

    fn child(&self, n: usize) -> DeviceId {
        self.bed.child(n)
    }

    async fn apply(&self, change: HostChange) -> Applied {
        self.bed.apply(change).await
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn tracing_targets(&self) -> Vec<String> {
        vec![module_path!().to_owned()]
    }
}

struct Faulty {
    inner: Arc<dyn NodeDeviceSource>,
    fault: Fault,
    instance: usize,
    calls: AtomicUsize,
    failed: AtomicUsize,
    unread: Arc<AtomicUsize>,
    unarmed: Mutex<Option<(EventSink, HintStream)>>,
    late: Arc<Mutex<Option<Watch>>>,
}

impl Faulty {
    async fn forward(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        let (inner_sink, mut events) = event_channel(4096);
        let watch = self.inner.watch(inner_sink, hints).await?;
        let mut bent = Bent {
            fault: self.fault,
            unread: Arc::clone(&self.unread),
            parents: BTreeSet::new(),
            count: 0,
        };
        let task = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                bent.bend(event).into_iter().for_each(|event| sink.send(event));
            }
        });
        Ok(Watch::new((watch, Task(task))))
    }

    async fn arm_if_late(&self) {
        let unarmed = self.unarmed.lock().unwrap().take();
        if let Some((sink, hints)) = unarmed {
            let watch = self.forward(sink, hints).await.unwrap();
            *self.late.lock().unwrap() = Some(watch);
        }
    }

    fn leak(&self, sink: &EventSink) {
        match self.fault {
            Fault::LeaksThread => drop(std::thread::spawn(std::thread::park)),
            Fault::LeaksDescriptor => std::mem::forget(File::open("/dev/null").unwrap()),
            Fault::KeepsItsSink => std::mem::forget(sink.clone()),
            _ => {}
        }
    }

    fn speak(&self) {
        match self.fault {
            Fault::Prints => println!("reading"),
            Fault::NamelessSpans => tracing::info!("reading"),
            _ => {}
        }
    }

    async fn bent_snapshot(&self) -> Result<Snapshot, SourceError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut snapshot = self.inner.snapshot().await?;
        for said in snapshot.listings.iter_mut().flat_map(|l| l.devices.iter_mut().flatten()) {
            bend(self.fault, said);
            match (self.fault, &said.device) {
                (Fault::Unrepeatable, _) => said.fields.set(net::ADDRESS, call.to_string()),
                (Fault::IdsChange, DeviceId::Sysfs(path)) => {
                    said.device = DeviceId::sysfs(&format!("{path}-{}", self.instance)).unwrap();
                }
                _ => {}
            }
        }
        Ok(snapshot)
    }

    async fn judge(&self, mut snapshot: Snapshot) -> Result<Snapshot, SourceError> {
        let listing = &mut snapshot.listings[0];
        let count = listing.devices.iter().flatten().count();
        match self.fault {
            Fault::EmptyIsError if count == 0 => Err(bug("no device")),
            Fault::TakesNeighbours if !listing.unreadable.is_empty() => {
                listing.devices = Ok(vec![]);
                Ok(snapshot)
            }
            Fault::NamesNothing => {
                let nothing = Diagnostic::warning("a device", "is bad");
                snapshot.diagnostics.iter_mut().for_each(|d| *d = nothing.clone());
                Ok(snapshot)
            }
            Fault::VanishingIsError if devices(&self.inner.snapshot().await?) < count => {
                Err(bug("a device has gone"))
            }
            _ => Ok(snapshot),
        }
    }
}

fn devices(snapshot: &Snapshot) -> usize {
    snapshot.listings[0].devices.iter().flatten().count()
}

fn bug(message: &str) -> SourceError {
    SourceError::new(ErrorKind::Bug, message)
}

#[async_trait]
impl NodeDeviceSource for Faulty {
    fn info(&self) -> SourceInfo {
        let mut info = self.inner.info();
        if self.fault == Fault::InfoChanges {
            info.version = self.calls.fetch_add(1, Ordering::Relaxed).to_string();
        }
        info
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        self.leak(&sink);
        match self.fault {
            Fault::DropsItsSink => Ok(Watch::new(())),
            Fault::ArmsLate => {
                *self.unarmed.lock().unwrap() = Some((sink, hints));
                Ok(Watch::new(Arc::clone(&self.late)))
            }
            _ => self.forward(sink, hints).await,
        }
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        self.speak();
        if self.fault == Fault::Blocks && self.unread.load(Ordering::Relaxed) > ROOM {
            pending::<()>().await;
        }
        if self.fault == Fault::NeverRecovers && self.failed.load(Ordering::Relaxed) > 0 {
            return Err(SourceError::new(ErrorKind::Unavailable, "still broken"));
        }
        self.unread.store(0, Ordering::Relaxed);
        let snapshot = match self.bent_snapshot().await {
            Ok(snapshot) => self.judge(snapshot).await,
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        };
        yield_now().await;
        self.arm_if_late().await;
        snapshot.map_err(|error| match self.fault {
            Fault::WrongKind => bug(&error.to_string()),
            _ => error,
        })
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        self.inner.refresh(id).await
    }

    async fn inventory(&self) -> Result<Option<Inventory>, SourceError> {
        let mut inventory = self.inner.inventory().await?;
        if self.fault == Fault::ForgetsInInventory {
            let streams = inventory.iter_mut().flat_map(|found| found.streams.values_mut());
            streams.for_each(|devices| drop(devices.pop_first()));
        }
        Ok(inventory)
    }

    fn counters(&self) -> Vec<Counter> {
        self.inner.counters()
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::EmptyDebug => Ok(()),
            Fault::EndlessDebug => loop {
                f.write_str("and so on ")?;
            },
            _ => f.write_str("Faulty"),
        }
    }
}

struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What becomes of the events on their way.
struct Bent {
    fault: Fault,
    unread: Arc<AtomicUsize>,
    parents: BTreeSet<DeviceId>,
    count: usize,
}

impl Bent {
    fn bend(&mut self, mut event: SourceEvent) -> Vec<SourceEvent> {
        self.count += 1;
        let unread = self.unread.fetch_add(1, Ordering::Relaxed);
        if self.fault == Fault::SwallowsOverrun && unread > 0 {
            return vec![];
        }
        if let SourceEvent::Gone { device, .. } = &event {
            self.parents.remove(device);
        }
        let SourceEvent::Observed(said) = &mut event else {
            return vec![event];
        };
        bend(self.fault, said);
        match self.fault {
            Fault::LosesEvents if self.count.is_multiple_of(3) => return vec![],
            Fault::OldRevisions => {
                let mut old = said.clone();
                old.revision = Revision(said.revision.0.saturating_sub(1));
                return vec![event, SourceEvent::Observed(old)];
            }
            Fault::ForgetsOrphans => self.forget(said),
            _ => {}
        }
        vec![event]
    }

    fn forget(&mut self, said: &mut Observation) {
        if matches!(said.device, DeviceId::Sysfs(_)) {
            self.parents.insert(said.device.clone());
        } else if self.parents.is_empty() {
            said.fields.remove(&Field::MdevParentAddr.into());
        }
    }
}

/// What becomes of every word.
fn bend(fault: Fault, said: &mut Observation) {
    match fault {
        Fault::UndeclaredField => said.fields.set(net::INTERFACE, "eth0"),
        Fault::UndeclaredStream => said.source = SourceId::new("another"),
        Fault::WrongType => said.fields.insert(Field::NetAddress.into(), Value::Flag(true)),
        Fault::EmptyForAbsent if said.fields.get(net::ADDRESS).is_none() => {
            said.fields.set(net::ADDRESS, "");
        }
        Fault::OwnAncestor => match said.fields.get(mdev::PARENT_ADDR).map(str::to_owned) {
            Some(parent) => said.fields.set(device::ADDRESS, parent),
            None => said.fields.set_opt(device::ADDRESS, None::<String>),
        },
        _ => {}
    }
}
