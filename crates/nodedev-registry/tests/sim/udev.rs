//! The simulated udev source: a socket, readings that take their time, and listings of all.

use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{
    EventSink, HintStream, Listing, NodeDeviceSource, RevisionCounter, Snapshot, SourceError,
    SourceEvent, SourceInfo, Watch, async_trait,
};
use nodedev_types::{DeviceId, Diagnostic, Observation, Revision, SourceId};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::host::{Heard, Host};
use crate::kernel::Uevent;
use crate::lanes::{Job, Lanes, Read};
use crate::words::{self, observed};

/// The longest that the listener is away.
const NAP: Duration = Duration::from_secs(3);
/// The longest after which a message is heard once more.
const ECHO: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct SimUdev {
    host: Host,
    revisions: Arc<RevisionCounter>,
}

impl SimUdev {
    pub(crate) fn on(host: &Host) -> Arc<Self> {
        Arc::new(Self { host: host.clone(), revisions: Arc::default() })
    }
}

struct Guard {
    host: Host,
    socket: usize,
    task: JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
        self.host.close(self.socket);
    }
}

#[async_trait]
impl NodeDeviceSource for SimUdev {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("udev", "sim").with_stream(words::stream(SourceId::UDEV))
    }

    async fn watch(&self, sink: EventSink, _hints: HintStream) -> Result<Watch, SourceError> {
        self.host.suffer("udev watch").await?;
        let socket = self.host.listen();
        let (host, revisions) = (self.host.clone(), Arc::clone(&self.revisions));
        let listener = Listener { host, socket, revisions, sink, lanes: Lanes::default() };
        let task = tokio::spawn(listener.run());
        Ok(Watch::new(Guard { host: self.host.clone(), socket, task }))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let revision = self.revisions.next();
        let ids: Vec<_> = self.host.world().kernel.nodes().keys().cloned().collect();
        let (mut devices, mut unreadable, mut diagnostics) = (Vec::new(), Vec::new(), Vec::new());
        // In parts, so that the host changes while it is read.
        for part in ids.chunks(ids.len().div_ceil(3).max(1)) {
            self.host.suffer("udev snapshot").await?;
            for id in part {
                match read(&self.host, id) {
                    Ok(Some(fields)) => {
                        devices.push(observed(SourceId::UDEV, id, revision, fields));
                    }
                    Ok(None) => {}
                    Err(reason) => {
                        unreadable.push(id.clone());
                        diagnostics.push(Diagnostic::warning(id.to_string(), reason));
                    }
                }
            }
        }
        self.host.note(format_args!("udev: {} devices at {revision}", devices.len()));
        let listing = Listing::complete(SourceId::new(SourceId::UDEV), revision, devices);
        let mut snapshot = Snapshot::new().with_listing(listing.with_unreadable(unreadable));
        snapshot.diagnostics = diagnostics;
        Ok(snapshot)
    }

    async fn refresh(&self, _: &DeviceId) -> Result<Option<Observation>, SourceError> {
        Ok(None)
    }
}

fn read(host: &Host, id: &DeviceId) -> Read {
    let mut world = host.world();
    let chance = world.weather.unreadable;
    if world.kernel.node(id).is_some() && world.rng.percent(chance) {
        world.is_silently_wrong = true;
        world.trace.note(format_args!("unreadable: {id}"));
        return Err("simulated".to_owned());
    }
    Ok(words::kernel(&world.kernel, id))
}

/// Takes uevents from the socket and has their devices read.
struct Listener {
    host: Host,
    socket: usize,
    revisions: Arc<RevisionCounter>,
    sink: EventSink,
    lanes: Lanes,
}

impl Listener {
    /// Ends by itself where the source dies; its sink goes with it.
    async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                job = self.lanes.due() => self.act(job),
                heard = self.host.hear(self.socket) => match heard {
                    Heard::Overrun => self.resync(),
                    Heard::Uevent(uevent) => {
                        if self.take(uevent).await {
                            return;
                        }
                    }
                },
            }
        }
    }

    fn resync(&self) {
        self.host.note("udev: resync");
        self.sink.send(SourceEvent::Resync { reason: "no buffer space available".to_owned() });
    }

    /// Whether the source has died of it.
    async fn take(&mut self, uevent: Uevent) -> bool {
        // What is received before a loss is older than the enumeration that mends it.
        let revision = self.revisions.next();
        let (dies, nap) = {
            let mut world = self.host.world();
            let (die, nap) = (world.weather.die, world.weather.nap);
            let (wait, within) = (world.delay(), world.delay());
            self.lanes.plan(uevent, revision, wait, within);
            let nap = world.rng.percent(nap).then(|| world.rng.up_to(NAP));
            (world.rng.percent(die), nap)
        };
        if dies {
            self.host.note("udev: died");
        } else if let Some(nap) = nap {
            tokio::time::sleep(nap).await;
        }
        dies
    }

    fn act(&mut self, job: Job) {
        match job {
            Job::Read { uevent, revision, within } => {
                let gone = uevent.action == "remove";
                let read = if gone { Ok(None) } else { read(&self.host, &uevent.id) };
                self.lanes.put(Instant::now() + within, Job::Say { uevent, revision, read });
            }
            Job::Say { uevent, revision, read } => {
                if let Some(event) = event(uevent, revision, read) {
                    self.say(event);
                }
            }
            Job::Again(event) => self.sink.send(event),
        }
    }

    fn say(&mut self, event: SourceEvent) {
        let (twice, echo) = {
            let mut world = self.host.world();
            let (twice, echo) = (world.weather.twice, world.weather.echo);
            (world.rng.percent(twice), world.rng.percent(echo).then(|| world.rng.up_to(ECHO)))
        };
        if twice {
            self.sink.send(event.clone());
        }
        if let Some(echo) = echo {
            self.lanes.put(Instant::now() + echo, Job::Again(event.clone()));
        }
        self.sink.send(event);
    }
}

/// What there is to say; nothing of what vanished, since its own uevent tells that.
fn event(uevent: Uevent, revision: Revision, read: Read) -> Option<SourceEvent> {
    let source = SourceId::new(SourceId::UDEV);
    let gone = |device| SourceEvent::Gone { source: source.clone(), device, revision };
    let Uevent { action, id, old } = uevent;
    let said = match read {
        _ if action == "remove" => return Some(gone(id)),
        Ok(fields) => {
            fields.map(|f| SourceEvent::Observed(observed(SourceId::UDEV, &id, revision, f)))
        }
        Err(reason) => {
            let diagnostic = Diagnostic::warning(id.to_string(), reason);
            Some(SourceEvent::Unreadable {
                source: source.clone(),
                device: id,
                revision,
                diagnostic,
            })
        }
    };
    match old {
        Some(old) => Some(SourceEvent::Batch([gone(old)].into_iter().chain(said).collect())),
        None => said,
    }
}
