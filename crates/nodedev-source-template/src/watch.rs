//! What happens on the host. An event is a hint to read again, never a message to believe.
//!
//! The task ends with the watch, and takes all that it holds with it.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream as _;
use inotify::{EventMask, EventStream, Inotify, WatchMask};
use nodedev_source::{EventSink, RevisionCounter, SourceEvent, Watch};
use nodedev_types::{Observation, SourceId};
use tokio::task::{JoinSet, spawn_blocking};

use crate::reading::{self, Device};
use crate::source::NAME;

/// From the return of this on, no change is missed.
///
/// # Errors
///
/// When it cannot be watched, for instance because it is not there.
pub(crate) fn arm(
    folder: Arc<Path>,
    revisions: Arc<RevisionCounter>,
    sink: EventSink,
) -> io::Result<Watch> {
    let inotify = Inotify::init()?;
    let wanted = WatchMask::CREATE
        | WatchMask::CLOSE_WRITE
        | WatchMask::MOVE
        | WatchMask::DELETE
        | WatchMask::ATTRIB
        | WatchMask::ONLYDIR;
    inotify.watches().add(&folder, wanted)?;
    let events = inotify.into_event_stream([0; 4096])?;
    let mut tasks = JoinSet::new();
    tasks.spawn(follow(events, folder, revisions, sink));
    // Dropping the watch drops the task. A task that ends by itself drops the sink, which tells the
    // registry that the source has failed: it is then watched and read anew.
    Ok(Watch::new(tasks))
}

async fn follow(
    mut events: EventStream<[u8; 4096]>,
    folder: Arc<Path>,
    revisions: Arc<RevisionCounter>,
    sink: EventSink,
) {
    while let Some(event) = poll_fn(|context| Pin::new(&mut events).poll_next(context)).await {
        let event = match event {
            Ok(event) if event.mask.contains(EventMask::IGNORED) => return,
            Ok(event) => event,
            Err(error) => return tracing::warn!(source = NAME, %error, "cannot be watched"),
        };
        match event.name.as_ref().and_then(|name| name.to_str()) {
            Some(name) => match look(&folder, &revisions, name.to_owned()).await {
                Some(said) => sink.send(said),
                None => return,
            },
            // The kernel's queue has overflowed, or the folder itself has changed.
            None => sink.send(SourceEvent::Resync { reason: format!("{:?}", event.mask) }),
        }
    }
}

/// Reads one device, and says what became of it.
async fn look(
    folder: &Arc<Path>,
    revisions: &RevisionCounter,
    name: String,
) -> Option<SourceEvent> {
    // Before the reading begins.
    let revision = revisions.next();
    let (source, device) = (SourceId::new(NAME), reading::identity(&name));
    let folder = Arc::clone(folder);
    Some(match spawn_blocking(move || reading::read_one(&folder, &name)).await.ok()? {
        Device::There(fields) => {
            SourceEvent::Observed(Observation { source, device, revision, fields })
        }
        Device::Unreadable(diagnostic) => {
            SourceEvent::Unreadable { source, device, revision, diagnostic }
        }
        Device::Gone => SourceEvent::Gone { source, device, revision },
    })
}
