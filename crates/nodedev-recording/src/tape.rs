//! The way from the sources to the file: a bounded queue and a thread that writes.
//!
//! Whoever records never waits for the file. A file that is too slow ends the recording, not the source.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use nodedev_source::{Snapshot, SourceError};
use nodedev_types::Observation;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::format::{Call, Entry, Failure, ListingEnd, Message, Word};
use crate::recorder::{End, Summary};
use crate::write::Writer;

/// Messages that may wait to be written; a snapshot is one.
const QUEUE: usize = 16_384;

/// Devices that may wait in them, before the message that has more: a snapshot holds all there are.
const DEVICES: usize = 200_000;

/// What waits to be written.
#[derive(Debug)]
enum Written {
    Message { at: u64, source: String, message: Message },
    Snapshot { at: u64, source: String, result: Result<Snapshot, SourceError> },
    End { at: u64, reason: &'static str },
}

impl Written {
    /// How many devices it tells of.
    fn devices(&self) -> usize {
        match self {
            Self::Message { message: Message::Batch { messages }, .. } => messages.len(),
            Self::Snapshot { result: Ok(snapshot), .. } => {
                let listed = snapshot.listings.iter().filter_map(|list| list.devices.as_ref().ok());
                listed.map(Vec::len).sum()
            }
            Self::End { .. } => 0,
            Self::Message { .. } | Self::Snapshot { .. } => 1,
        }
    }
}

/// What sources are recorded on.
#[derive(Debug)]
pub(crate) struct Tape {
    began: Instant,
    queue: Mutex<Option<SyncSender<Written>>>,
    /// How many devices wait in it.
    waiting: Arc<AtomicUsize>,
    thread: Mutex<Option<JoinHandle<io::Result<Summary>>>>,
    /// Whether nothing more is taken.
    ended: watch::Sender<bool>,
    /// Whether all is written, which comes later. Its sender goes with the thread.
    written: watch::Receiver<bool>,
}

impl Tape {
    pub(crate) fn start<W: Write + Send + 'static>(writer: Writer<W>) -> io::Result<Self> {
        let (queue, queued) = sync_channel(QUEUE);
        let ended = watch::Sender::new(false);
        let (written_sender, written) = watch::channel(false);
        let waiting = Arc::new(AtomicUsize::new(0));
        let queued = Queued { queue: queued, waiting: Arc::clone(&waiting) };
        let thread = std::thread::Builder::new().name("recording".to_owned()).spawn(move || {
            let result = write(writer, &queued);
            written_sender.send_replace(true);
            result
        })?;
        let (queue, thread) = (Mutex::new(Some(queue)), Mutex::new(Some(thread)));
        Ok(Self { began: Instant::now(), queue, waiting, thread, ended, written })
    }

    pub(crate) fn put(&self, source: &str, message: Message) {
        let (at, source) = (self.now(), source.to_owned());
        self.send(Written::Message { at, source, message });
    }

    pub(crate) fn put_snapshot(&self, source: &str, result: Result<Snapshot, SourceError>) {
        let (at, source) = (self.now(), source.to_owned());
        self.send(Written::Snapshot { at, source, result });
    }

    /// Writes what waits and the last line; what was written altogether. Whoever does not wait for it leaves
    /// the thread to the end of the process.
    pub(crate) async fn finish(&self, reason: &'static str) -> io::Result<Summary> {
        let at = self.now();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(queue) = queue {
            // The thread may have ended already, for a reason that it gives itself; or it is behind.
            let _ = queue.try_send(Written::End { at, reason });
        }
        // An error means that the thread has panicked.
        let _ = self.written.clone().wait_for(|written| *written).await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(Summary::default()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")))
    }

    /// Returns when nothing more is recorded.
    pub(crate) async fn ended(&self) {
        let (mut ended, mut written) = (self.ended.subscribe(), self.written.clone());
        // An error means that the thread has panicked, which finishing tells.
        tokio::select! {
            _ = ended.wait_for(|ended| *ended) => {}
            _ = written.wait_for(|written| *written) => {}
        }
    }

    fn send(&self, written: Written) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = &*queue else { return };
        let before = self.waiting.fetch_add(written.devices(), Ordering::Relaxed);
        if before >= DEVICES || sender.try_send(written).is_err() {
            // Tells the thread, once it has written what waits.
            *queue = None;
            self.ended.send_replace(true);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The thread's end of the queue.
struct Queued {
    queue: Receiver<Written>,
    waiting: Arc<AtomicUsize>,
}

impl Queued {
    /// The next one; `None` when whoever sends is gone. `idle` is done before there is a wait for it.
    fn next(&self, idle: impl FnOnce() -> io::Result<()>) -> io::Result<Option<Written>> {
        let next = match self.queue.try_recv() {
            Err(TryRecvError::Empty) => {
                idle()?;
                self.queue.recv().ok()
            }
            next => next.ok(),
        };
        if let Some(next) = &next {
            self.waiting.fetch_sub(next.devices(), Ordering::Relaxed);
        }
        Ok(next)
    }
}

fn write<W: Write>(mut writer: Writer<W>, queued: &Queued) -> io::Result<Summary> {
    let mut last = 0;
    let end = loop {
        // Whoever reads along, and whoever reads after a crash, has all there is.
        let Some(next) = queued.next(|| writer.flush())? else { break End::Behind };
        let entries = match next {
            Written::End { at, reason } => {
                writer.end(at.max(last), reason)?;
                return Ok(summary(&writer, End::Asked));
            }
            Written::Message { at, source, message } => vec![Entry { at, source, message }],
            Written::Snapshot { at, source, result } => entries(at, &source, result),
        };
        let mut fits = true;
        for mut entry in entries {
            // The queue keeps the order; two threads may have read the clock the other way round.
            last = last.max(entry.at);
            entry.at = last;
            fits = fits && writer.write(&entry)?;
        }
        if !fits {
            break End::Full;
        }
    };
    writer.end(last, end.as_str())?;
    Ok(summary(&writer, end))
}

fn summary<W: Write>(writer: &Writer<W>, end: End) -> Summary {
    Summary { bytes: writer.written(), lines: writer.lines(), end }
}

/// A line for each device, then one that completes the listing.
fn entries(at: u64, source: &str, result: Result<Snapshot, SourceError>) -> Vec<Entry> {
    let entry = |message| Entry { at, source: source.to_owned(), message };
    let snapshot = match result {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let error = Failure::from(&error);
            return vec![entry(Message::Failed { call: Call::Snapshot, error })];
        }
    };
    let mut entries = Vec::new();
    let mut listings = Vec::new();
    for listing in snapshot.listings {
        let devices: &[Observation] = listing.devices.as_deref().unwrap_or_default();
        listings.push(ListingEnd {
            stream: listing.source.clone(),
            revision: listing.revision,
            devices: devices.len(),
            unreadable: listing.unreadable.clone(),
            error: listing.devices.as_ref().err().map(Failure::from),
        });
        entries.extend(devices.iter().map(|device| entry(Message::Listed(Word::from(device)))));
    }
    let (diagnostics, backend) = (snapshot.diagnostics, snapshot.backend);
    entries.push(entry(Message::Snapshot { listings, diagnostics, backend }));
    entries
}
