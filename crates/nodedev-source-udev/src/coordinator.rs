//! The coordinator: one thread that orders what is read and said of each device.
//!
//! It opens no file and never waits for a reader. An event makes it ask for a fresh reading of the
//! device; what the reading brings is said under the revision taken before it began.

mod conclude;
mod link;
mod part;
mod rename;
mod rest;
mod retry;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nodedev_source::{EventSink, SourceEvent};
use nodedev_types::{DeviceId, Diagnostic, Revision, Severity, SourceId};

use crate::inner::Inner;
use crate::memory::{Memory, REMOVAL_TIME};
use crate::monitor::RawEvent;
use crate::pool::{Asker, Order};
use crate::queue::{EventQueue, Message};
use crate::reader::Outcome;
use rename::Renames;
use rest::{Rested, Rests};
use retry::Retries;

/// After how long a device whose reader was given up is read once more, and so on while that is so: it may have
/// been slow, no more. What hangs costs one reader only.
pub(crate) const SECOND_CHANCE: Duration = Duration::from_secs(5);

/// Why a device is read. Of two reasons for one reading the greater counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// Its link has changed: nothing that tells of its coming or going.
    Link,
    /// An event, or its time has come.
    Event,
    /// It is part of that rename, which waits for it.
    Rename(u64),
}

impl Cause {
    const fn rename(self) -> Option<u64> {
        match self {
            Self::Rename(id) => Some(id),
            Self::Link | Self::Event => None,
        }
    }
}

/// A reading under way.
#[derive(Debug)]
struct Pending {
    token: u64,
    /// Without it nobody waits for the reading any more.
    _asker: Asker,
    revision: Revision,
    cause: Cause,
    /// What has come since it began.
    again: Option<Cause>,
    /// How long the device rests afterwards.
    pause: Duration,
}

impl Pending {
    const fn rename(&self) -> Option<u64> {
        self.cause.rename()
    }
}

/// Orders events and readings until its queue is closed.
pub(crate) struct Coordinator {
    inner: Arc<Inner>,
    queue: EventQueue,
    sink: EventSink,
    source: SourceId,
    /// For what is read of no device that is known yet.
    asker: Asker,
    reading: BTreeMap<String, Pending>,
    renames: Renames,
    retries: Retries,
    rests: Rests,
    /// Interfaces whose links have changed while a snapshot was reading them.
    held_links: BTreeSet<String>,
    next_token: u64,
}

/// The next message, or a wake-up after that time. `None` when no more can come.
fn next(messages: &Receiver<Message>, wait: Option<Duration>) -> Option<Message> {
    let Some(wait) = wait else {
        return messages.recv().ok();
    };
    match messages.recv_timeout(wait) {
        Ok(message) => Some(message),
        Err(RecvTimeoutError::Timeout) => Some(Message::Wake),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}

impl Coordinator {
    pub(crate) fn new(inner: Arc<Inner>, queue: EventQueue, sink: EventSink) -> Self {
        let retries = Retries::new(inner.host.config.settle_time);
        Self {
            inner,
            queue,
            sink,
            source: SourceId::new(SourceId::UDEV),
            asker: Asker::default(),
            reading: BTreeMap::new(),
            renames: Renames::default(),
            retries,
            rests: Rests::default(),
            held_links: BTreeSet::new(),
            next_token: 0,
        }
    }

    /// Runs until the watch is dropped, nobody listens any more, or the source has failed.
    pub(crate) fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let now = Instant::now();
            self.read_due(now);
            self.read_rested(now);
            self.find_links(now);
            let waits =
                [self.retries.wait(now), self.rests.wait(now), self.queue.links().wait(now)];
            let Some(message) = next(messages, waits.into_iter().flatten().min()) else {
                return;
            };
            if self.queue.is_closed() || self.sink.is_closed() {
                return;
            }
            if let Err(failure) = self.act(message) {
                // The sink goes with this thread: so the registry learns that the source has failed.
                self.sink.send(SourceEvent::Diagnostic(failure));
                return;
            }
        }
    }

    fn act(&mut self, message: Message) -> Result<(), Diagnostic> {
        match message {
            Message::Event(event) => {
                self.queue.taken();
                self.event(&event);
            }
            Message::Read { path, token, outcome } => self.read_done(&path, token, outcome)?,
            Message::Link(path) => self.link_found(path),
            Message::Recheck { path, at } => self.retries.recheck(&path, at),
            Message::Lost(reason) => {
                self.queue.loss_taken();
                self.sink.send(SourceEvent::Resync { reason });
            }
            Message::Diagnostic(diagnostic) => {
                self.queue.diagnostic_taken();
                self.sink.send(SourceEvent::Diagnostic(diagnostic));
            }
            Message::Failed(reason) => {
                let failure = Diagnostic::warning("monitor", reason);
                return Err(failure.with_severity(Severity::Error));
            }
            Message::Wake => {
                self.queue.wake_taken();
                self.read_held_links();
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &RawEvent) {
        tracing::debug!(source = "udev", device = event.path, action = event.action, "event");
        match event.action.as_str() {
            "remove" => self.removed(&event.path),
            "move" => match &event.old_path {
                Some(old) if *old != event.path => self.moved(old, &event.path),
                _ => self.appeared(&event.path),
            },
            "add" | "online" => self.appeared(&event.path),
            // The directory of a removed device is still there for a moment: this is not its return.
            _ if self.memory().is_removed(&event.path) => {}
            action => {
                if action == "bind" {
                    self.retries.forget(&event.path);
                }
                self.part_changed(&event.path);
                self.read(&event.path, Cause::Event);
            }
        }
    }

    fn appeared(&mut self, path: &str) {
        self.part_changed(path);
        self.memory().restore(path);
        self.retries.forget(path);
        self.read(path, Cause::Event);
    }

    fn removed(&mut self, path: &str) {
        let revision = self.inner.revisions.next();
        let said = {
            let mut memory = self.memory();
            memory.remove(path, Instant::now());
            memory.withdraw(path, revision)
        };
        self.retries.forget(path);
        self.rests.end(path);
        // Whatever a reader still finds there does not count.
        if let Some(rename) = self.reading.remove(path).and_then(|pending| pending.rename()) {
            self.rename_step(rename, path, Vec::new());
        }
        if let Some(device) = said {
            self.sink.send(self.gone(device, revision));
        }
    }

    /// Asks for a reading, or for one more behind the one that is under way or was just now.
    fn read(&mut self, path: &str, cause: Cause) {
        if let (Some(pending), None) = (self.reading.get_mut(path), cause.rename()) {
            pending.again = pending.again.max(Some(cause));
            self.inner.counts.coalesced.count();
            return;
        }
        if cause.rename().is_none() && self.rests.note(path, cause) {
            self.inner.counts.coalesced.count();
            return;
        }
        self.begin(path, cause, rest::FIRST);
    }

    fn begin(&mut self, path: &str, cause: Cause, pause: Duration) {
        self.inner.counts.readings.count();
        self.rests.end(path);
        let token = self.next_token;
        self.next_token += 1;
        let revision = self.inner.revisions.next();
        let asker = Asker::default();
        let host = Arc::clone(&self.inner.host);
        let (queue, job_path, read_path) = (self.queue.clone(), path.to_owned(), path.to_owned());
        // What is renamed goes and comes in one batch, or seems to have gone.
        let patience = self.inner.host.config.settle_time;
        let until = cause.rename().map(|_| Instant::now() + patience);
        let submitted = self.inner.pool.submit(
            Order::event(path, &asker),
            move |announcer| match until {
                Some(until) => host.read_until(&job_path, &[], || until, announcer),
                None => host.read(&job_path, announcer),
            },
            move |answer| {
                let outcome = answer.unwrap_or_else(|lost| Outcome::lost(&read_path, lost));
                queue.send(Message::Read { path: read_path, token, outcome });
            },
        );
        let pending = Pending { token, _asker: asker, revision, cause, again: None, pause };
        let replaced = self.reading.insert(path.to_owned(), pending);
        if let Some(stale) = replaced.and_then(|pending| pending.rename()) {
            // Another rename on top of this one: the first ends without this device.
            self.rename_step(stale, path, Vec::new());
        }
        if submitted.is_err() {
            self.left_unread(path);
        }
    }

    /// As many readings wait as may: with all others this one is made good by an enumeration.
    fn left_unread(&mut self, path: &str) {
        self.inner.counts.dropped.count();
        self.queue.lost("more devices have changed than can wait to be read");
        self.retries.forget(path);
        if let Some(rename) = self.reading.remove(path).and_then(|pending| pending.rename()) {
            self.rename_step(rename, path, Vec::new());
        }
    }

    fn read_done(&mut self, path: &str, token: u64, outcome: Outcome) -> Result<(), Diagnostic> {
        if self.reading.get(path).is_none_or(|pending| pending.token != token) {
            return Ok(());
        }
        let Some(pending) = self.reading.remove(path) else {
            return Ok(());
        };
        let said = match (pending.cause, outcome) {
            // That it is elsewhere or gone is for another event to tell.
            (Cause::Link, Outcome::Vanished | Outcome::NotADevice) => Vec::new(),
            (_, outcome) => self.conclude(path, pending.revision, outcome)?,
        };
        match pending.rename() {
            Some(rename) => self.rename_step(rename, path, said),
            None => said.into_iter().for_each(|event| self.sink.send(event)),
        }
        // A reading that has begun meanwhile, as that of a rename, has its own rest.
        if !self.reading.contains_key(path) {
            self.rests.begin(path, Instant::now(), pending.pause, pending.again);
        } else if let Some(cause) = pending.again {
            self.read(path, cause);
        }
        Ok(())
    }

    /// Reads what has changed while it rested.
    fn read_rested(&mut self, now: Instant) {
        while let Some(Rested { path, cause, pause }) = self.rests.due(now) {
            self.begin(&path, cause, pause);
        }
    }

    fn gone(&self, device: DeviceId, revision: Revision) -> SourceEvent {
        SourceEvent::Gone { source: self.source.clone(), device, revision }
    }

    /// Reads again what was not ready, and what a snapshot passed over.
    fn read_due(&mut self, now: Instant) {
        for path in self.retries.due(now) {
            self.read(&path, Cause::Event);
        }
        for path in self.retries.due_rechecks(now) {
            let mut memory = self.memory();
            let certain = memory.removed_at(&path).map(|removed| removed + REMOVAL_TIME);
            memory.restore(&path);
            drop(memory);
            // Until then it may after all be the directory that is being deleted.
            if let Some(certain) = certain.filter(|certain| *certain > now) {
                self.retries.recheck(&path, certain);
            }
            self.read(&path, Cause::Event);
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.inner.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
