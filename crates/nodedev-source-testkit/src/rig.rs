//! A harness with what the kit knows of its host, and a running source upon it.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use nodedev_source::{
    EventReceiver, HintSender, Listing, NodeDeviceSource, Snapshot, SourceEvent, SourceInfo, Watch,
    event_channel, hint_channel,
};
use nodedev_types::DeviceId;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::verdict::ensure;
use crate::{Applied, Harness, HostChange, Skip, Stop, Verdict, View};

/// Messages that a queue of ordinary size holds.
pub(crate) const ROOMY: usize = 4096;

/// How long the kit waits for a message before it looks at the host again.
const TICK: Duration = Duration::from_millis(20);

/// A harness, and which of its devices are there.
pub(crate) struct Rig<H> {
    pub(crate) harness: H,
    pub(crate) hints: HintSender,
    devices: Mutex<Devices>,
}

#[derive(Default)]
struct Devices {
    there: BTreeSet<usize>,
    families: BTreeSet<usize>,
    ever: BTreeSet<DeviceId>,
}

impl<H: Harness> Rig<H> {
    pub(crate) async fn make() -> Result<Self, Stop> {
        Ok(Self { harness: H::make().await?, hints: hint_channel().0, devices: Mutex::default() })
    }

    pub(crate) fn source(&self) -> Arc<dyn NodeDeviceSource> {
        self.harness.source()
    }

    /// Makes the change happen, or says what became of it.
    pub(crate) async fn try_apply(&self, change: HostChange) -> Result<Applied, Stop> {
        self.note_identities(change);
        let applied = self.within(&format!("{change:?}"), self.harness.apply(change)).await?;
        if applied == Applied::Hinted {
            self.hints.raise();
        }
        // Tasks of the source on this thread get their turn, as its threads do.
        yield_now().await;
        if !matches!(applied, Applied::Inapplicable(_) | Applied::Unsupported(_)) {
            self.note(change);
        }
        Ok(applied)
    }

    /// Makes the change happen, or skips the clause.
    pub(crate) async fn apply(&self, change: HostChange) -> Verdict {
        match skip(change, self.try_apply(change).await?) {
            Ok(_) => Ok(()),
            Err(skip) => Err(skip.into()),
        }
    }

    /// Waits for an answer no longer than the deadline.
    pub(crate) async fn within<T>(
        &self,
        what: &str,
        answer: impl Future<Output = T>,
    ) -> Result<T, Stop> {
        let deadline = self.harness.deadline();
        timeout(deadline, answer)
            .await
            .map_err(|_| Stop::Failed(format!("{what} gave no answer within {deadline:?}")))
    }

    /// What a restarted source reads.
    pub(crate) async fn fresh(&self) -> Result<Snapshot, Stop> {
        self.snapshot(&*self.source()).await
    }

    pub(crate) async fn snapshot(&self, source: &dyn NodeDeviceSource) -> Result<Snapshot, Stop> {
        self.within("snapshot()", source.snapshot())
            .await?
            .map_err(|error| Stop::Failed(format!("snapshot() failed: {}", error.full_message())))
    }

    pub(crate) fn is_there(&self, n: usize) -> bool {
        self.devices().there.contains(&n)
    }

    /// What is wrong with the view's idea of which devices there are, one line each.
    fn misjudged(&self, view: &View) -> Vec<String> {
        let devices = self.devices();
        let present: BTreeSet<DeviceId> = devices
            .there
            .iter()
            .map(|n| self.harness.device(*n))
            .chain(devices.families.iter().map(|n| self.harness.child(*n)))
            .chain(self.harness.permanent())
            .collect();
        let missing = present
            .iter()
            .filter(|device| !view.knows(device))
            .map(|device| format!("{device} is there and not claimed"));
        let lingering = devices
            .ever
            .iter()
            .filter(|device| !present.contains(device) && view.knows(device))
            .map(|device| format!("{device} is not there and claimed"));
        missing.chain(lingering).collect()
    }

    fn note_identities(&self, change: HostChange) {
        let ids: Vec<DeviceId> = match change {
            HostChange::AddFamily(n, _) => vec![self.harness.device(n), self.harness.child(n)],
            HostChange::Add(n) | HostChange::Rename(n) | HostChange::Announce(n, _) => {
                vec![self.harness.device(n)]
            }
            _ => Vec::new(),
        };
        self.devices().ever.extend(ids);
    }

    fn note(&self, change: HostChange) {
        let mut devices = self.devices();
        match change {
            HostChange::Add(n) => {
                devices.there.insert(n);
            }
            HostChange::Remove(n) | HostChange::VanishDuringRead(n) => {
                devices.there.remove(&n);
            }
            HostChange::AddFamily(n, _) => {
                devices.there.insert(n);
                devices.families.insert(n);
            }
            HostChange::Clear => {
                devices.there.clear();
                devices.families.clear();
            }
            _ => {}
        }
    }

    fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns what could not be staged into a reason for a skip.
pub(crate) fn skip(change: HostChange, applied: Applied) -> Result<Applied, Skip> {
    match applied {
        Applied::Inapplicable(reason) => Err(Skip::inapplicable(format!("{change:?}: {reason}"))),
        Applied::Unsupported(reason) => Err(Skip::new(format!("{change:?}: {reason}"))),
        applied => Ok(applied),
    }
}

/// A watched source and what it has said.
pub(crate) struct Session {
    pub(crate) source: Arc<dyn NodeDeviceSource>,
    pub(crate) info: SourceInfo,
    pub(crate) receiver: EventReceiver,
    pub(crate) view: View,
    /// Every message so far, batches taken apart.
    pub(crate) heard: Vec<SourceEvent>,
    /// In a lock only to be shared: a watch is not `Sync`.
    watch: Mutex<Watch>,
}

impl Session {
    /// Arms a new source with a queue of that many messages, and reads nothing yet.
    pub(crate) async fn arm<H: Harness>(rig: &Rig<H>, capacity: usize) -> Result<Self, Stop> {
        let source = rig.source();
        let (sink, receiver) = event_channel(capacity);
        let watch = rig
            .within("watch()", source.watch(sink, rig.hints.subscribe()))
            .await?
            .map_err(|error| Stop::Failed(format!("watch() failed: {}", error.full_message())))?;
        Ok(Self {
            info: source.info(),
            source,
            receiver,
            view: View::new(),
            heard: Vec::new(),
            watch: Mutex::new(watch),
        })
    }

    /// Arms a new source and reads it.
    pub(crate) async fn start<H: Harness>(rig: &Rig<H>) -> Result<Self, Stop> {
        let mut session = Self::arm(rig, ROOMY).await?;
        session.list(rig).await?;
        Ok(session)
    }

    pub(crate) async fn list<H: Harness>(&mut self, rig: &Rig<H>) -> Verdict {
        let snapshot = rig.snapshot(&*self.source).await?;
        self.view.list(snapshot);
        Ok(())
    }

    /// Folds messages in until the view says what a restarted source says and what is there.
    pub(crate) async fn settle<H: Harness>(&mut self, rig: &Rig<H>) -> Verdict {
        let end = Instant::now() + rig.harness.deadline();
        loop {
            while let Some(event) = now(self.receiver.recv()).await {
                self.hear(event)?;
            }
            if self.view.needs_resync() {
                self.list(rig).await?;
            }
            let wrong = self.complaints(rig).await?;
            if wrong.is_empty() {
                return Ok(());
            }
            ensure!(
                Instant::now() < end,
                "the view did not settle within {:?}: {}",
                rig.harness.deadline(),
                wrong.join("; ")
            );
            if let Ok(event) = timeout(TICK, self.receiver.recv()).await {
                self.hear(event)?;
            }
        }
    }

    /// Starts the watch again if it has failed, which its sink's end tells, as the registry would.
    pub(crate) async fn revive<H: Harness>(&mut self, rig: &Rig<H>) -> Verdict {
        while let Some(event) = now(self.receiver.recv()).await {
            let Some(event) = event else {
                let (sink, receiver) = event_channel(ROOMY);
                let watching = self.source.watch(sink, rig.hints.subscribe());
                let watch = rig.within("watch()", watching).await?.map_err(|error| {
                    Stop::Failed(format!("watch() failed: {}", error.full_message()))
                })?;
                self.watch = Mutex::new(watch);
                self.receiver = receiver;
                return Ok(());
            };
            self.hear(Some(event))?;
        }
        Ok(())
    }

    /// Drops the watch alone, and hands out the source and what is left to receive.
    pub(crate) fn end(self) -> (Arc<dyn NodeDeviceSource>, EventReceiver) {
        drop(self.watch);
        (self.source, self.receiver)
    }

    async fn complaints<H: Harness>(&self, rig: &Rig<H>) -> Result<Vec<String>, Stop> {
        let mut wrong = rig.misjudged(&self.view);
        let fresh = rig.fresh().await?;
        wrong.extend(fresh.listings.iter().filter_map(failed));
        wrong.extend(self.view.differences(&View::of(fresh)));
        Ok(wrong)
    }

    fn hear(&mut self, event: Option<SourceEvent>) -> Verdict {
        let Some(event) = event else {
            return Err(Stop::Failed("the sink was dropped while the watch is held".to_owned()));
        };
        flatten(&event, &mut self.heard);
        self.view.take(event);
        Ok(())
    }
}

fn failed(listing: &Listing) -> Option<String> {
    let error = listing.devices.as_ref().err()?;
    Some(format!("the listing of {} failed: {}", listing.source, error.full_message()))
}

fn flatten(event: &SourceEvent, into: &mut Vec<SourceEvent>) {
    match event {
        SourceEvent::Batch(events) => events.iter().for_each(|event| flatten(event, into)),
        event => into.push(event.clone()),
    }
}

/// The answer if it is there already.
pub(crate) async fn now<T>(answer: impl Future<Output = T>) -> Option<T> {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        Poll::Ready(match answer.as_mut().poll(context) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        })
    })
    .await
}
