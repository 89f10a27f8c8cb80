//! When a client gets a thread of its own for a while, and how the connection gets it back.

use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::inbox::Inbox;
use super::lent::{self, Desk, Slot};
use super::outbox::Outbox;
use super::stream::Stream;
use super::{Connection, End, Stop};
use crate::session::Shared;

/// So many documents, each soon after the one before, are a client that goes on like that,
const IN_A_ROW: u32 = 4;
/// if it pauses for no longer than this between them.
const PAUSE: Duration = Duration::from_millis(1);
/// For fewer calls than these a thread is not worth its start: twice as many documents have to come in a row before
/// the next one,
const WORTH_IT: u32 = 16;
/// up to so many.
const MOST_IN_A_ROW: u32 = 1024;
/// When a thread has been at one call for so long, others are to go on with the client,
const HELD_UP: Duration = Duration::from_millis(200);
/// which gets no other thread for so long: the same file would hold that one, too.
const REST: Duration = Duration::from_secs(10);
/// The most threads that serve one client each.
const MOST_THREADS: usize = 4;

/// How many threads serve one client each. Whoever serves the others has a processor left. A thread that hangs counts
/// until it comes back.
pub(crate) fn places() -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    processors.saturating_sub(1).clamp(1, MOST_THREADS)
}

/// How a client reads documents.
#[derive(Debug)]
pub(super) struct Rhythm {
    last: Option<Instant>,
    in_a_row: u32,
    needed: u32,
    not_before: Option<Instant>,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { last: None, in_a_row: 0, needed: IN_A_ROW, not_before: None }
    }
}

impl Rhythm {
    /// A document is asked for.
    pub(super) fn asked(&mut self) {
        self.in_a_row = if self.is_soon() { self.in_a_row.saturating_add(1) } else { 0 };
    }

    /// A document has been answered.
    pub(super) fn answered(&mut self) {
        self.last = Some(Instant::now());
    }

    fn is_soon(&self) -> bool {
        self.last.is_some_and(|last| last.elapsed() <= PAUSE)
    }

    fn is_steady(&self) -> bool {
        self.in_a_row >= self.needed
            && self.is_soon()
            && self.not_before.is_none_or(|then| Instant::now() >= then)
    }

    /// A thread has answered so many calls.
    fn served(&mut self, calls: u32) {
        let more = self.needed.saturating_mul(2).min(MOST_IN_A_ROW);
        self.needed = if calls < WORTH_IT { more } else { IN_A_ROW };
        self.in_a_row = 0;
    }

    /// A thread was held up.
    fn held_up(&mut self) {
        self.not_before = Some(Instant::now() + REST);
        self.in_a_row = 0;
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
        let Ok(place) = Arc::clone(&self.shared.lent).try_acquire_owned() else {
            return Ok(self);
        };
        let Some(loan) = Loan::of_a_thread(&self.shared, place) else {
            self.rhythm.held_up();
            return Ok(self);
        };
        let Self { inbox, outbox, session, timers, mut rhythm, on_known, shared, config, .. } =
            self;
        let (reader, decoder, places) = inbox.into_parts();
        let (writer, part) = outbox.into_parts();
        let socket = reader.unsplit(writer).detach()?;
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(lent::IDLE))?;
        let desk =
            Desk { socket, decoder, session, answered: 0, left: None, unwritten: Vec::new() };
        let desk = match loan.of(desk, stop).await? {
            Returned::Served(desk) => {
                rhythm.served(desk.answered);
                desk
            }
            Returned::HeldUp(desk) => {
                rhythm.held_up();
                shared.counts.hold_up();
                if shared.complaints.may_tell() {
                    tracing::warn!("a document takes long: its thread is left to itself");
                }
                desk
            }
        };
        let (reader, writer) = tokio::io::split(S::attach(desk.socket)?);
        let mut connection = Self {
            inbox: Inbox::with(reader, desk.decoder, places),
            outbox: Outbox::new(writer, part),
            timers,
            session: desk.session,
            waiting: VecDeque::new(),
            running: FuturesUnordered::new(),
            complete: true,
            rhythm,
            on_known,
            shared,
            config,
        };
        if desk.answered > 0 {
            connection.timers.received();
        }
        if !desk.unwritten.is_empty() {
            connection.outbox.push(desk.unwritten);
        }
        if let Some((received, begun)) = desk.left {
            connection.take_one(received, None, begun)?;
        }
        connection.take_frames()?;
        Ok(connection)
    }
}

/// What a connection has lent, when it is back.
#[derive(Debug)]
enum Returned {
    Served(Desk),
    /// Taken away from a thread that may never come back.
    HeldUp(Desk),
}

/// A thread that waits for a desk. It ends when this is dropped, after the call at which it is.
#[derive(Debug)]
struct Loan {
    slot: Arc<Slot>,
    give: Option<oneshot::Sender<Desk>>,
    back: oneshot::Receiver<Desk>,
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.slot.want();
    }
}

impl Loan {
    /// `None` when there can be no thread now.
    fn of_a_thread(shared: &Arc<Shared>, place: OwnedSemaphorePermit) -> Option<Self> {
        let (give, given) = oneshot::channel();
        let (give_back, back) = oneshot::channel();
        let slot = Arc::new(Slot::default());
        let (shared, at) = (Arc::clone(shared), Arc::clone(&slot));
        let (runtime, span) = (Handle::current(), tracing::Span::current());
        let serve = move || {
            let _place = place;
            let Ok(desk) = given.blocking_recv() else { return };
            if let Some(desk) = span.in_scope(|| lent::serve(desk, &shared, &at, &runtime)) {
                // The connection may have gone.
                let _ = give_back.send(desk);
            }
        };
        let thread = thread::Builder::new().name("client".to_owned()).spawn(serve);
        thread.ok().map(|_| Self { slot, give: Some(give), back })
    }

    /// Gives it this desk, and waits until it is back, or takes it back.
    async fn of(mut self, desk: Desk, stop: &mut Stop) -> Result<Returned, End> {
        let failed = || io::Error::other("its thread has failed");
        let give = self.give.take().ok_or_else(failed)?;
        give.send(desk).map_err(|_| failed())?;
        let mut stops = false;
        loop {
            tokio::select! {
                desk = &mut self.back => {
                    let desk = desk.ok().or_else(|| self.slot.take_back(Duration::ZERO));
                    return Ok(Returned::Served(desk.ok_or_else(failed)?));
                }
                _ = stop.wait_for(|stop| *stop), if !stops => {
                    stops = true;
                    self.slot.want();
                }
                () = tokio::time::sleep(HELD_UP) => {
                    if let Some(desk) = self.slot.take_back(HELD_UP) {
                        return Ok(Returned::HeldUp(desk));
                    }
                }
            }
        }
    }
}
