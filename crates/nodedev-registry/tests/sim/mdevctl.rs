//! The simulated mdevctl source: asks for a listing on every change and hint, and lists.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nodedev_source::{
    ErrorKind, EventSink, Hint, HintStream, Listing, NodeDeviceSource, RevisionCounter, Snapshot,
    SourceError, SourceEvent, SourceInfo, Watch, async_trait,
};
use nodedev_types::{Capability, DeviceId, Observation, SourceId};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::host::Host;
use crate::words::{self, observed};

/// The longest that a burst of changes is waited for.
const BURST: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct SimMdevctl {
    host: Host,
    revisions: RevisionCounter,
    hints: Mutex<Option<HintStream>>,
}

impl SimMdevctl {
    pub(crate) fn on(host: &Host) -> Arc<Self> {
        let (host, revisions, hints) = (host.clone(), RevisionCounter::new(), Mutex::default());
        Arc::new(Self { host, revisions, hints })
    }

    fn newest_hint(&self) -> Hint {
        let hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        hints.as_ref().map(HintStream::newest).unwrap_or_default()
    }

    /// One run of the tool, which sees the host at one moment of it.
    async fn list<T>(
        &self,
        call: &str,
        read: impl FnOnce() -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        self.host.suffer(call).await?;
        let (listed, delay) = {
            let listed = read();
            let mut world = self.host.world();
            let chance = world.weather.listing;
            let failed = world.rng.percent(chance);
            let refused = || Err(SourceError::new(ErrorKind::Failed, format!("{call} failed")));
            (if failed { refused() } else { listed }, world.delay())
        };
        tokio::time::sleep(delay).await;
        listed
    }
}

struct Guard {
    host: Host,
    directory: usize,
    task: JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
        self.host.close(self.directory);
    }
}

#[async_trait]
impl NodeDeviceSource for SimMdevctl {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("mdevctl", "sim")
            .with_stream(words::stream(SourceId::MDEVCTL_DEFINED))
            .with_stream(words::stream(SourceId::MDEVCTL_ACTIVE))
            .with_interests(&[Capability::Mdev, Capability::MdevTypes])
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        self.host.suffer("mdevctl watch").await?;
        *self.hints.lock().unwrap_or_else(PoisonError::into_inner) = Some(hints.clone());
        let (directory, news) = self.host.watch_directory();
        let task = tokio::spawn(listen(self.host.clone(), news, hints, sink));
        Ok(Watch::new(Guard { host: self.host.clone(), directory, task }))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let answers = self.newest_hint();
        let revision = self.revisions.next();
        let defined = self.list("mdevctl list --defined", || {
            let world = self.host.world();
            if world.tool.is_broken {
                return Err(SourceError::new(ErrorKind::Malformed, "a broken definition"));
            }
            let said = |(id, config)| {
                let fields = words::definition(id, config);
                observed(SourceId::MDEVCTL_DEFINED, id, revision, fields)
            };
            Ok(world.tool.definitions().iter().map(said).collect::<Vec<_>>())
        });
        let active = self.list("mdevctl list", || {
            let world = self.host.world();
            let said = |(id, mdev)| {
                observed(SourceId::MDEVCTL_ACTIVE, id, revision, words::running(id, mdev))
            };
            Ok(world.kernel.mdevs().map(said).collect::<Vec<_>>())
        });
        let (defined, active) = tokio::join!(biased; defined, active);
        if let (Err(error), Err(_)) = (&defined, &active) {
            return Err(error.clone());
        }
        let mut snapshot = Snapshot::new();
        snapshot.answers = answers;
        for (stream, listed) in
            [(SourceId::MDEVCTL_DEFINED, defined), (SourceId::MDEVCTL_ACTIVE, active)]
        {
            let stream = SourceId::new(stream);
            snapshot = snapshot.with_listing(match listed {
                Ok(devices) => Listing::complete(stream, revision, devices),
                Err(error) => Listing::failed(stream, revision, error),
            });
        }
        self.host.note(format_args!("mdevctl: listed at {revision}"));
        Ok(snapshot)
    }

    async fn refresh(&self, _: &DeviceId) -> Result<Option<Observation>, SourceError> {
        Ok(None)
    }
}

/// Has everything listed again after each change. Ends where the source dies.
async fn listen(host: Host, news: Arc<Notify>, mut hints: HintStream, sink: EventSink) {
    loop {
        tokio::select! {
            biased;
            () = news.notified() => {}
            hint = hints.next() => if hint.is_none() {
                return;
            },
        }
        let (dies, burst) = {
            let mut world = host.world();
            let die = world.weather.die;
            (world.rng.percent(die), world.rng.up_to(BURST))
        };
        tokio::time::sleep(burst).await;
        if dies {
            host.note("mdevctl: died");
            return;
        }
        sink.send(SourceEvent::Resync { reason: "something changed".to_owned() });
    }
}
