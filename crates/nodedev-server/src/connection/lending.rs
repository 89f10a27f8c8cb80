//! When a client gets a thread of its own for a while, and how the connection gets it back.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::inbox::Inbox;
use super::lent::{self, Desk, Slot};
use super::outbox::Outbox;
use super::stream::Stream;
use super::{Connection, End, Stop};

/// So many documents in a row are a client that goes on like that,
const IN_A_ROW: u32 = 4;
/// if it pauses for no longer than this between them.
const PAUSE: Duration = Duration::from_millis(1);
/// A reading that takes so long makes no headway: others are to go on with the client.
const HELD_UP: Duration = Duration::from_millis(50);
/// How many threads serve one client each. One that hangs counts until it comes back.
pub(crate) const LENT: usize = 4;

/// How a client reads documents.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    last: Option<Instant>,
    in_a_row: u32,
}

impl Rhythm {
    /// A document is asked for.
    pub(super) fn asked(&mut self) {
        let soon = self.last.is_some_and(|last| last.elapsed() <= PAUSE);
        self.in_a_row = if soon { self.in_a_row + 1 } else { 0 };
    }

    /// A document has been answered.
    pub(super) fn answered(&mut self) {
        self.last = Some(Instant::now());
    }

    const fn is_steady(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }
}

impl<S: Stream, F: FnOnce() + Send> Connection<S, F> {
    /// Whether the client would be served faster by a thread of its own, and nothing is lost by it.
    pub(super) fn may_lend(&self) -> bool {
        S::HAS_SOCKET
            && self.rhythm.is_steady()
            && self.complete
            && self.session.only_looks()
            && self.waiting.is_empty()
            && self.running.is_empty()
            && self.outbox.is_empty()
            && !self.inbox.is_within_frame()
    }

    /// Has a thread serve the client, until it pauses or wants something else than to look.
    pub(super) async fn lend(mut self, stop: &mut Stop) -> Result<Self, End> {
        self.rhythm = Rhythm::default();
        let Ok(place) = Arc::clone(&self.shared.lent).try_acquire_owned() else {
            return Ok(self);
        };
        let Self { inbox, outbox, session, timers, on_known, shared, config, .. } = self;
        let (reader, decoder, places) = inbox.into_parts();
        let (writer, part) = outbox.into_parts();
        let socket = reader.unsplit(writer).detach()?;
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(lent::IDLE))?;
        let desk = Desk {
            socket,
            decoder,
            session,
            has_received: false,
            left: None,
            unwritten: Vec::new(),
        };
        let desk = {
            let shared = Arc::clone(&shared);
            let serve = move |desk, slot: &Slot, runtime: &Handle| {
                let served = lent::serve(desk, &shared, slot, runtime);
                drop(place);
                served
            };
            on_a_thread(desk, stop, serve).await?
        };
        let (reader, writer) = tokio::io::split(S::attach(desk.socket)?);
        let mut connection = Self {
            inbox: Inbox::with(reader, desk.decoder, places),
            outbox: Outbox::new(writer, part),
            timers,
            session: desk.session,
            waiting: std::collections::VecDeque::new(),
            running: FuturesUnordered::new(),
            complete: true,
            rhythm: Rhythm::default(),
            on_known,
            shared,
            config,
        };
        if desk.has_received {
            connection.timers.received();
        }
        if !desk.unwritten.is_empty() {
            connection.outbox.push(&desk.unwritten);
        }
        if let Some(received) = desk.left {
            connection.take_one(received, None)?;
        }
        connection.take_frames()?;
        Ok(connection)
    }
}

/// Gives the desk to a thread, and waits until it is back, or takes it back.
async fn on_a_thread(
    desk: Desk,
    stop: &mut Stop,
    serve: impl FnOnce(Desk, &Slot, &Handle) -> Option<Desk> + Send + 'static,
) -> Result<Desk, End> {
    let slot = Arc::new(Slot::default());
    let (give, mut given) = oneshot::channel();
    let (runtime, span) = (Handle::current(), tracing::Span::current());
    let at = Arc::clone(&slot);
    thread::Builder::new().name("client".to_owned()).spawn(move || {
        span.in_scope(|| {
            if let Some(desk) = serve(desk, &at, &runtime) {
                // The connection may have gone.
                let _ = give.send(desk);
            }
        });
    })?;
    let mut stops = false;
    loop {
        tokio::select! {
            desk = &mut given => {
                let desk = desk.ok().or_else(|| slot.take_back(Duration::ZERO));
                return desk.ok_or_else(|| io::Error::other("its thread has failed").into());
            }
            _ = stop.wait_for(|stop| *stop), if !stops => {
                stops = true;
                slot.want();
            }
            () = tokio::time::sleep(HELD_UP) => {
                if let Some(desk) = slot.take_back(HELD_UP) {
                    tracing::debug!("a document takes long: its thread is left to itself");
                    return Ok(desk);
                }
            }
        }
    }
}
