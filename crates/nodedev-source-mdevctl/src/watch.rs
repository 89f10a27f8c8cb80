//! The watch: a task that turns configuration changes and hints into requests for a snapshot.
//!
//! Sends [`SourceEvent::Resync`] and diagnostics, nothing else: differences are the registry's
//! business. A burst becomes one request. Never runs mdevctl and never reads a definition.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream as _;
use inotify::{EventOwned, EventStream, Inotify};
use nodedev_source::{EventSink, Hint, HintStream, SourceEvent, Watch};
use nodedev_types::Diagnostic;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::config::MdevctlConfig;
use crate::tree::Tree;

/// When a watch that the kernel refused is tried again. Only its limits or permissions make it so.
const RETRY: Duration = Duration::from_secs(60);
/// Bytes of events read at once: some dozens.
const BUFFER: usize = 4096;

/// Arms the watch and starts its task.
pub(crate) async fn start(
    config: Arc<MdevctlConfig>,
    sink: EventSink,
    hints: HintStream,
    first: Arc<Mutex<Option<Hint>>>,
) -> Watch {
    let mut watcher = Watcher {
        directory: config.definitions(),
        config,
        sink,
        hints: Some(hints),
        first,
        inotify: None,
        pending: None,
        retry: None,
    };
    watcher.arm().await;
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
    config: Arc<MdevctlConfig>,
    directory: PathBuf,
    sink: EventSink,
    hints: Option<HintStream>,
    /// The newest hint that there was when the first listing began.
    first: Arc<Mutex<Option<Hint>>>,
    inotify: Option<Armed>,
    pending: Option<Pending>,
    /// When the kernel refused the watch: when to try again.
    retry: Option<Instant>,
}

struct Armed {
    events: EventStream<[u8; BUFFER]>,
    tree: Tree,
}

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
            tokio::select! {
                () = self.sink.closed() => return,
                raised = next_hint(&mut self.hints) => self.hinted(raised),
                event = next_event(&mut self.inotify) => self.changed(event).await,
                () = sleep_until_some(due) => self.flush(),
                () = sleep_until_some(self.retry) => self.arm().await,
            }
        }
    }

    fn hinted(&mut self, raised: bool) {
        if raised {
            self.request("a mediated device or a parent changed", true);
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
            self.arm().await;
        }
    }

    /// Whether the watches may no longer fit.
    fn consider(&mut self, event: io::Result<EventOwned>) -> bool {
        match (event, &self.inotify) {
            (Ok(event), Some(armed)) => {
                let meaning = armed.tree.meaning(&event);
                if meaning.changed {
                    self.request("the configuration directory changed", false);
                }
                meaning.rearm
            }
            (Ok(_), None) => false,
            (Err(error), _) => {
                self.inotify = None;
                self.refused(&error);
                false
            }
        }
    }

    async fn arm(&mut self) {
        match self.try_arm().await {
            Ok(appeared) => {
                let healed = self.retry.take().is_some();
                if appeared || healed {
                    self.request("the configuration directory is watched", false);
                }
            }
            Err(error) => self.refused(&error),
        }
    }

    async fn try_arm(&mut self) -> io::Result<bool> {
        let Armed { events, mut tree } = match self.inotify.take() {
            Some(armed) => armed,
            None => self.open()?,
        };
        let arming = spawn_blocking(move || {
            let appeared = tree.arm();
            (tree, appeared)
        });
        let (tree, appeared) = arming.await.map_err(io::Error::other)?;
        self.inotify = Some(Armed { events, tree });
        appeared
    }

    fn open(&self) -> io::Result<Armed> {
        let events = Inotify::init()?.into_event_stream([0; BUFFER])?;
        let tree = Tree::new(events.watches(), self.directory.clone());
        Ok(Armed { events, tree })
    }

    /// Goes on with hints alone, and tells so once.
    fn refused(&mut self, error: &io::Error) {
        let was_armed = self.retry.replace(Instant::now() + RETRY).is_none();
        if was_armed {
            let subject = self.directory.display().to_string();
            let message = format!("cannot be watched, changes are seen late: {error}");
            tracing::warn!(directory = subject, %error, "cannot be watched");
            self.sink.send(SourceEvent::Diagnostic(Diagnostic::warning(subject, message)));
        }
    }

    fn request(&mut self, reason: &'static str, hinted: bool) {
        let now = Instant::now();
        let first = Pending { reason, hints_only: true, first: now, last: now };
        let pending = self.pending.get_or_insert(first);
        pending.hints_only &= hinted;
        pending.last = now;
    }

    fn due(&self, pending: &Pending) -> Instant {
        let quiet = pending.last + self.config.quiet;
        quiet.min(pending.first + self.config.max_delay)
    }

    fn flush(&mut self) {
        if let Some(pending) = self.pending.take() {
            if pending.hints_only && self.is_answered() {
                tracing::debug!(reason = pending.reason, "the first listing answers it");
                return;
            }
            tracing::debug!(reason = pending.reason, "asks for a snapshot");
            self.sink.send(SourceEvent::Resync { reason: pending.reason.to_owned() });
        }
    }

    /// Whether the first listing began after the newest hint, which is that of the first devices then. It goes
    /// to the registry, which asks for another if it fails; what later listings bring may be thrown away.
    fn is_answered(&self) -> bool {
        let first = *self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.hints.as_ref().map(HintStream::newest);
        first.is_some() && first >= newest
    }
}

async fn sleep_until_some(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// True for a hint, false when no more can come.
async fn next_hint(hints: &mut Option<HintStream>) -> bool {
    match hints {
        Some(hints) => hints.next().await.is_some(),
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
