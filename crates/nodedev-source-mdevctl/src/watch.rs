//! The watch: a task that turns configuration changes and hints into requests for a snapshot.
//!
//! Sends [`SourceEvent::Resync`] and diagnostics, nothing else: differences are the registry's
//! business. A burst becomes one request. Never runs mdevctl and never reads a definition. Waits for no
//! directory: while one does not answer, hints are. While the kernel refuses the watches, a request comes with
//! each attempt. What no watch tells of is looked for by the minute ([`Lookout`]).

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream as _;
use inotify::{EventMask, EventOwned, EventStream, Inotify};
use nodedev_source::{EventSink, Hint, HintStream, SourceEvent, Watch};
use nodedev_types::Diagnostic;
use tokio::sync::watch::Receiver;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::config::MdevctlConfig;
use crate::counts::Counts;
use crate::files::Files;
use crate::lack::Lack;
use crate::lookout::{Lookout, sleep_until_some};
use crate::tree::Tree;
use crate::unwatched::Unwatched;

/// When a watch that the kernel refused is tried again. Only its limits or permissions make it so.
const RETRY: Duration = Duration::from_secs(60);
/// How long making the watches fit may take before that is told: less than what the registry grants the
/// beginning of a watch, which goes on without them then.
const ARMING: Duration = Duration::from_secs(5);
/// Bytes of events read at once: some dozens.
const BUFFER: usize = 4096;

/// What a watch needs of its source.
#[derive(Debug)]
pub(crate) struct Means {
    pub(crate) config: Arc<MdevctlConfig>,
    pub(crate) files: Files,
    pub(crate) counts: Counts,
    /// The newest hint that there was when the first listing began.
    pub(crate) first: Arc<Mutex<Option<Hint>>>,
    /// Why changes are seen late, as long as they are.
    pub(crate) unwatched: Unwatched,
    /// What the newest snapshot was made without.
    pub(crate) lack: Receiver<Option<Lack>>,
}

/// Arms the watch and starts its task.
pub(crate) async fn start(means: Means, sink: EventSink, hints: HintStream) -> Watch {
    let (program, files) = (means.config.program.clone(), means.files.clone());
    let mut watcher = Watcher {
        lookout: Lookout::new(program, files, means.lack.clone()),
        directory: means.config.definitions(),
        means,
        sink,
        hints: Some(hints),
        inotify: None,
        arming: None,
        pending: None,
        retry: None,
    };
    watcher.arm();
    watcher.first_armed().await;
    // Nobody has taken a snapshot yet that a first arming could have made old.
    watcher.pending = None;
    let span = tracing::debug_span!("watch", source = "mdevctl");
    Watch::new(Task(tokio::spawn(watcher.run().instrument(span))))
}

/// Ends the task when dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Watcher {
    means: Means,
    directory: PathBuf,
    sink: EventSink,
    hints: Option<HintStream>,
    lookout: Lookout,
    inotify: Option<Armed>,
    arming: Option<Arming>,
    pending: Option<Pending>,
    /// When the kernel refused the watch: when to try again.
    retry: Option<Instant>,
}

struct Armed {
    events: EventStream<[u8; BUFFER]>,
    tree: Tree,
}

/// Watches that are being made to fit. What happens meanwhile waits in the kernel.
struct Arming {
    events: EventStream<[u8; BUFFER]>,
    fitted: Fitted,
    /// When it has taken long enough to tell that.
    late: Option<Instant>,
    /// Whether a snapshot was asked for meanwhile, which may miss what no watch has seen yet.
    is_overtaken: bool,
}

/// The watches, and whether the configuration directory has appeared.
type Fit = Result<(Tree, io::Result<bool>), JoinError>;
type Fitted = Pin<Box<dyn Future<Output = Fit> + Send>>;

/// A request that waits for the end of its burst.
struct Pending {
    reason: &'static str,
    /// Whether hints are all that it is for.
    hints_only: bool,
    first: Instant,
    last: Instant,
}

impl Watcher {
    async fn run(mut self) {
        loop {
            let due = self.pending.as_ref().map(|pending| self.due(pending));
            let late = self.arming.as_ref().and_then(|arming| arming.late);
            tokio::select! {
                () = self.sink.closed() => return,
                raised = next_hint(&mut self.hints) => self.hinted(raised),
                event = next_event(&mut self.inotify) => self.changed(event).await,
                fitted = next_fitted(&mut self.arming) => self.fitted(fitted),
                () = self.lookout.came() => self.request("what mdevctl lacked has come", false),
                () = sleep_until_some(late) => self.late(),
                () = sleep_until_some(due) => self.flush(),
                () = sleep_until_some(self.retry) => self.arm(),
            }
        }
    }

    fn hinted(&mut self, raised: bool) {
        if raised {
            self.heard("a mediated device or a parent changed", true);
        } else {
            self.hints = None;
        }
    }

    async fn changed(&mut self, first: io::Result<EventOwned>) {
        let mut rearm = false;
        let mut event = Some(first);
        while let Some(next) = event {
            rearm |= self.consider(next);
            event = ready_event(&mut self.inotify).await;
        }
        if rearm {
            self.arm();
        }
    }

    /// Whether the watches may no longer fit.
    fn consider(&mut self, event: io::Result<EventOwned>) -> bool {
        match (event, &self.inotify) {
            (Ok(event), Some(armed)) => {
                if event.mask.contains(EventMask::Q_OVERFLOW) {
                    self.means.counts.receive_errors.count();
                }
                let meaning = armed.tree.meaning(&event);
                if meaning.changed {
                    self.heard("the configuration directory changed", false);
                }
                meaning.rearm
            }
            (Ok(_), None) => false,
            (Err(error), _) => {
                self.means.counts.receive_errors.count();
                self.inotify = None;
                self.refused(&error);
                false
            }
        }
    }

    /// Begins to make the watches fit.
    fn arm(&mut self) {
        self.retry = None;
        let Armed { events, mut tree } = match self.inotify.take().map_or_else(|| self.open(), Ok) {
            Ok(armed) => armed,
            Err(error) => return self.refused(&error),
        };
        let files = self.means.files.clone();
        let fitting = move || {
            let appeared = tree.arm();
            (tree, appeared)
        };
        self.arming = Some(Arming {
            events,
            fitted: Box::pin(async move { files.look(fitting).await }),
            late: Some(Instant::now() + ARMING),
            is_overtaken: false,
        });
    }

    /// Waits for the first watches, if they come in time.
    async fn first_armed(&mut self) {
        let Some(late) = self.arming.as_ref().and_then(|arming| arming.late) else {
            return;
        };
        match timeout_at(late, next_fitted(&mut self.arming)).await {
            Ok(fitted) => self.fitted(fitted),
            Err(_) => self.late(),
        }
    }

    fn fitted(&mut self, fitted: Fit) {
        let Some(Arming { events, is_overtaken, .. }) = self.arming.take() else {
            return;
        };
        let appeared = fitted.map_err(io::Error::other).and_then(|(tree, appeared)| {
            self.inotify = Some(Armed { events, tree });
            appeared
        });
        match appeared {
            Ok(appeared) => {
                let healed = self.means.unwatched.heal();
                if appeared || healed || is_overtaken {
                    self.request("the configuration directory is watched", false);
                }
            }
            Err(error) => self.refused(&error),
        }
    }

    /// The directory may answer yet: another thread would hang as well.
    fn late(&mut self) {
        if let Some(arming) = &mut self.arming {
            arming.late = None;
        }
        self.tell(&format!("no answer within {ARMING:?}"));
    }

    fn open(&self) -> io::Result<Armed> {
        let events = Inotify::init()?.into_event_stream([0; BUFFER])?;
        let tree = Tree::new(events.watches(), self.directory.clone());
        Ok(Armed { events, tree })
    }

    fn refused(&mut self, error: &io::Error) {
        self.retry = Some(Instant::now() + RETRY);
        self.tell(&error.to_string());
        // The attempts are all that is left to see a change by.
        self.request("the configuration directory cannot be watched", false);
    }

    /// Goes on with hints alone. The snapshots tell so; one that is taken already may not.
    fn tell(&self, why: &str) {
        let subject = self.directory.display().to_string();
        let message = format!("cannot be watched, changes are seen late: {why}");
        let told = Diagnostic::warning(&subject, message);
        if self.means.unwatched.note(told.clone()) {
            tracing::warn!(directory = subject, why, "cannot be watched");
            self.sink.send(SourceEvent::Diagnostic(told));
        }
    }

    /// Something has changed.
    fn heard(&mut self, reason: &'static str, hinted: bool) {
        let counts = &self.means.counts;
        counts.received.count();
        if self.pending.is_some() {
            counts.coalesced.count();
        }
        self.request(reason, hinted);
    }

    fn request(&mut self, reason: &'static str, hinted: bool) {
        let now = Instant::now();
        let first = Pending { reason, hints_only: true, first: now, last: now };
        let pending = self.pending.get_or_insert(first);
        pending.hints_only &= hinted;
        pending.last = now;
    }

    fn due(&self, pending: &Pending) -> Instant {
        let quiet = pending.last + self.means.config.quiet;
        quiet.min(pending.first + self.means.config.max_delay)
    }

    fn flush(&mut self) {
        if let Some(pending) = self.pending.take() {
            if pending.hints_only && self.is_answered() {
                tracing::debug!(reason = pending.reason, "the first listing answers it");
                self.means.counts.coalesced.count();
                return;
            }
            if let Some(arming) = &mut self.arming {
                arming.is_overtaken = true;
            }
            tracing::debug!(reason = pending.reason, "asks for a snapshot");
            self.sink.send(SourceEvent::Resync { reason: pending.reason.to_owned() });
        }
    }

    /// Whether the first listing began after the newest hint, which is that of the first devices then. It goes
    /// to the registry, which asks for another if it fails; what later listings bring may be thrown away.
    fn is_answered(&self) -> bool {
        let first = *self.means.first.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.hints.as_ref().map(HintStream::newest);
        first.is_some() && first >= newest
    }
}

/// True for a hint, false when no more can come.
async fn next_hint(hints: &mut Option<HintStream>) -> bool {
    match hints {
        Some(hints) => hints.next().await.is_some(),
        None => std::future::pending().await,
    }
}

/// The future of what is returned is not to be polled again.
async fn next_fitted(arming: &mut Option<Arming>) -> Fit {
    match arming {
        Some(arming) => arming.fitted.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn next_event(inotify: &mut Option<Armed>) -> io::Result<EventOwned> {
    let Some(armed) = inotify else {
        return std::future::pending().await;
    };
    let next = std::future::poll_fn(|cx| Pin::new(&mut armed.events).poll_next(cx)).await;
    next.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
}

/// An event that is there already.
async fn ready_event(inotify: &mut Option<Armed>) -> Option<io::Result<EventOwned>> {
    let events = &mut inotify.as_mut()?.events;
    std::future::poll_fn(|cx| match Pin::new(&mut *events).poll_next(cx) {
        Poll::Ready(event) => Poll::Ready(event),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests;
