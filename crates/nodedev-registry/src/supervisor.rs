//! One source's keeper: arms it, reads it, passes its messages on, starts it again when it fails.
//!
//! Every call of the source runs in a task of its own, so that a panic or a hang is the source's
//! alone. The keeper never merges and never publishes.

mod pace;
mod self_check;
mod wanted;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use nodedev_source::{
    EventReceiver, HintStream, Inventory, NodeDeviceSource, Snapshot as Reading, SourceError,
    SourceEvent, Watch, event_channel,
};
use nodedev_types::Diagnostic;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use self::pace::{Messages, Readings};
use self::self_check::SelfCheck;
use self::wanted::Wanted;
use crate::again::Again;
use crate::call::{Call, plain};
use crate::config::RegistryConfig;
use crate::state::{Message, SourceIndex, Verdict};
use crate::threads::Threads;
use crate::totals::Depth;

/// What a keeper needs.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) source: Arc<dyn NodeDeviceSource>,
    pub(crate) name: String,
    pub(crate) index: SourceIndex,
    pub(crate) hints: HintStream,
    /// When the registry wants it to be read again.
    pub(crate) again: Again,
    /// Shows how many of its messages wait.
    pub(crate) waiting: Depth,
    pub(crate) messages: mpsc::Sender<(SourceIndex, Message)>,
    pub(crate) config: RegistryConfig,
    /// Turns true when this source may be read for the first time.
    pub(crate) may_read: watch::Receiver<bool>,
    /// The source's own. The keeper itself never runs there: it has to see a source that keeps it.
    pub(crate) threads: Threads,
}

/// Why a round with the source has ended.
enum End {
    /// The source has to be started again, for this reason.
    Failed(String),
    /// The registry is gone: nothing is left to do.
    RegistryGone,
}

impl Supervisor {
    pub(crate) async fn run(mut self) {
        let mut pause = self.config.backoff;
        let mut wanted = Wanted::default();
        loop {
            let mut healthy_since = None;
            let end = self.keep(&mut healthy_since, &mut wanted).await;
            self.waiting.set(0);
            let End::Failed(reason) = end else { return };
            if self.send(Message::Failed(reason)).await.is_err() {
                return;
            }
            // A source that fails as soon as it has been read is not healthy.
            if healthy_since.is_some_and(|since| since.elapsed() >= self.config.backoff_max) {
                pause = self.config.backoff;
            }
            tokio::select! {
                biased;
                () = self.messages.closed() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(self.config.backoff_max);
            if self.send(Message::Restarted).await.is_err() {
                return;
            }
        }
    }

    /// Watches the source until something fails; tells since when it has been read.
    async fn keep(&mut self, healthy_since: &mut Option<Instant>, wanted: &mut Wanted) -> End {
        let (watch, mut receiver) = match self.arm().await {
            Ok(armed) => armed,
            Err(reason) => return End::Failed(format!("cannot be watched: {reason}")),
        };
        // Held until the end of this round; dropping it ends the source's threads.
        let _watch = Held(Some(watch));
        if self.may_read.wait_for(|may| *may).await.is_err() {
            return End::RegistryGone;
        }
        let Err(end) = self.follow(&mut receiver, healthy_since, wanted).await;
        end
    }

    async fn arm(&self) -> Result<(Watch, EventReceiver), String> {
        let (sink, receiver) = event_channel(self.config.source_queue);
        let (source, hints) = (Arc::clone(&self.source), self.hints.clone());
        let mut call = self.call(self.config.watch, async move { source.watch(sink, hints).await });
        Ok((call.result().await?, receiver))
    }

    async fn follow(
        &self,
        receiver: &mut EventReceiver,
        healthy_since: &mut Option<Instant>,
        wanted: &mut Wanted,
    ) -> Result<Never, End> {
        let (mut messages, mut readings) = (Messages::new(), Readings::new());
        let first = self.begin_reading(receiver, &mut messages, wanted, false).await?;
        let mut reading = Some(first);
        let mut retry = Retry::new(&self.config);
        let mut check = SelfCheck::new(&self.config);
        loop {
            self.waiting.set(receiver.waiting());
            // What comes seldom first, so that a flood of events does not put it off; but the comparison
            // with the host last: while there are events there is nothing quiet to compare. The order is
            // fixed, so that the same happenings always have the same course.
            tokio::select! {
                biased;
                () = self.messages.closed() => return Err(End::RegistryGone),
                result = finish(&mut reading) => {
                    let result = result.map_err(|reason| {
                        End::Failed(format!("cannot be read: {reason}"))
                    })?;
                    healthy_since.get_or_insert_with(Instant::now);
                    retry.after(&result);
                    readings.end();
                    self.send(Message::SnapshotEnded(result)).await?;
                }
                () = retry.due() => {
                    retry.at = None;
                    wanted.ask();
                }
                () = self.again.asked() => wanted.ask(),
                () = tokio::time::sleep_until(readings.due()), if wanted.is_wanted() && reading.is_none() => {
                    retry.at = None;
                    readings.begin();
                    let next = self.begin_reading(receiver, &mut messages, wanted, true).await?;
                    reading = Some(next);
                }
                event = next(receiver, &mut messages) => match event {
                    // One word of doubt is enough until the reading that answers it.
                    Some(SourceEvent::Resync { .. }) if wanted.is_wanted() => wanted.ask(),
                    event => {
                        if self.pass_on(event, receiver).await? {
                            wanted.ask();
                        }
                    }
                },
                found = check.found(self), if reading.is_none() => {
                    let verdict = self.compare(found).await?;
                    check.note(verdict, &self.config);
                    if matches!(verdict, Verdict::Drifted(_)) {
                        wanted.ask();
                    }
                }
            }
            if wanted.is_wanted() && reading.is_some() {
                readings.asked();
            }
        }
    }

    /// Passes an event on, or tells that it asks for a snapshot.
    async fn pass_on(
        &self,
        event: Option<SourceEvent>,
        receiver: &EventReceiver,
    ) -> Result<bool, End> {
        match event {
            None => Err(End::Failed("it ended by itself".to_owned())),
            Some(SourceEvent::Resync { reason }) => {
                tracing::debug!(source = %self.name, %reason, "resync");
                let dropped = receiver.take_dropped();
                self.send(Message::Doubted { reason, dropped }).await?;
                Ok(true)
            }
            Some(event) => self.send(Message::Event(event)).await.map(|()| false),
        }
    }

    /// What waits in the queue asks for nothing that this reading would not answer.
    async fn begin_reading(
        &self,
        receiver: &mut EventReceiver,
        messages: &mut Messages,
        wanted: &mut Wanted,
        resync: bool,
    ) -> Result<Call<Reading>, End> {
        wanted.begin();
        for _ in 0..self.config.source_queue {
            let event = tokio::select! {
                biased;
                event = next(receiver, messages) => event,
                () = std::future::ready(()) => break,
            };
            if self.pass_on(event, receiver).await? {
                wanted.ask_late();
            }
        }
        let dropped = receiver.take_dropped();
        let coalesced = wanted.take_coalesced();
        self.send(Message::SnapshotBegan { resync, dropped, coalesced }).await?;
        let source = Arc::clone(&self.source);
        let call = async move { source.snapshot().await.map(listed_in_words) };
        Ok(self.call(self.config.snapshot, call))
    }

    fn call<T: Send + 'static>(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Call<T> {
        Call::start_on(&self.threads, deadline, call)
    }

    /// Has what the source finds compared with what it has said.
    async fn compare(&self, found: Result<Option<Inventory>, String>) -> Result<Verdict, End> {
        let inventory = match found {
            Ok(Some(inventory)) => inventory,
            Ok(None) => return Ok(Verdict::Agrees),
            Err(reason) => {
                let text = format!("cannot be compared with the host: {reason}");
                self.send(Message::Uncounted(Diagnostic::warning(&self.name, text))).await?;
                return Ok(Verdict::Agrees);
            }
        };
        let (answer, verdict) = oneshot::channel();
        self.send(Message::Counted { inventory, verdict: answer }).await?;
        let verdict = verdict.await.map_err(|_| End::RegistryGone)?;
        if let Verdict::Drifted(count) = verdict {
            let reason = "the self-check found differences".to_owned();
            tracing::debug!(source = %self.name, count, "resync after the self-check");
            self.send(Message::Doubted { reason, dropped: 0 }).await?;
        }
        Ok(verdict)
    }

    async fn send(&self, message: Message) -> Result<(), End> {
        self.messages.send((self.index, message)).await.map_err(|_| End::RegistryGone)
    }
}

/// The reading, with the errors of its listings as words: nothing of a source's code runs in the registry.
fn listed_in_words(mut reading: Reading) -> Reading {
    for listing in &mut reading.listings {
        if let Err(error) = &mut listing.devices {
            *error = plain(error);
        }
    }
    reading
}

/// There is no value of it: following ends with a reason only.
enum Never {}

/// When to read again because a listing has failed: soon and then less often where it may pass by itself. Else somebody
/// has to mend it, which makes no event, and it is looked at the longest pause.
struct Retry {
    at: Option<Instant>,
    pause: Duration,
    first: Duration,
    longest: Duration,
}

impl Retry {
    const fn new(config: &RegistryConfig) -> Self {
        Self { at: None, pause: config.backoff, first: config.backoff, longest: config.backoff_max }
    }

    fn after(&mut self, reading: &Reading) {
        let mut errors =
            reading.listings.iter().filter_map(|listing| listing.devices.as_ref().err());
        let Some(error) = errors.next() else {
            self.at = None;
            self.pause = self.first;
            return;
        };
        if error.is_transient() || errors.any(SourceError::is_transient) {
            self.at = Some(Instant::now() + self.pause);
            self.pause = (self.pause * 2).min(self.longest);
        } else {
            self.at = Some(Instant::now() + self.longest);
        }
    }

    async fn due(&self) {
        match self.at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// A watch whose end is the source's code too, and may panic.
struct Held(Option<Watch>);

impl Drop for Held {
    fn drop(&mut self) {
        let watch = self.0.take();
        if catch_unwind(AssertUnwindSafe(|| drop(watch))).is_err() {
            tracing::error!("a source panicked when its watch ended");
        }
    }
}

/// The next message of a source, in its turn. May be dropped and called again.
async fn next(receiver: &mut EventReceiver, messages: &mut Messages) -> Option<SourceEvent> {
    messages.turn().await;
    let event = receiver.recv().await;
    messages.taken();
    event
}

/// The result of the reading under way; never, if there is none. May be dropped and called again.
async fn finish(reading: &mut Option<Call<Reading>>) -> Result<Reading, String> {
    let Some(call) = reading else {
        return std::future::pending().await;
    };
    let result = call.result().await;
    *reading = None;
    result
}
