//! One client of libvirt's RPC, from its first byte to its last: one task that reads, answers, tells
//! events and writes. For a while a thread does so instead, if the client reads document after document
//! (`lending`). Whatever goes wrong here ends this connection and touches no other.
//!
//! What it may hold is bounded: [`WAITING_CALLS`] and [`WAITING_BYTES`] of calls that wait,
//! `client_requests` calls that run, [`UNREAD`] of replies before further calls wait, a bounded number
//! of events.

mod inbox;
mod lending;
mod lent;
mod outbox;
mod stream;
mod timers;

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use nodedev_rpc::{Frame, Header, Keepalive, MessageType, Received, Status, Tick};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::Instant;

use self::inbox::{Arrival, Inbox};
use self::lending::Rhythm;
pub(crate) use self::lending::places as places_for_threads;
use self::outbox::Outbox;
pub(crate) use self::stream::Stream;
use self::timers::Timers;
use crate::callbacks::Ended;
use crate::config::ServerConfig;
use crate::dispatch::{self, Answered, Effect, Outcome, Reaction};
use crate::session::{Origin, Session, Shared};
use crate::shares::Place;
use crate::virt_error;

/// Calls that may wait for running ones; then nothing more is read.
const WAITING_CALLS: usize = 64;
/// Bytes of calls that may wait.
const WAITING_BYTES: usize = 1 << 20;
/// Calls that are answered before other clients get their turn: one may take milliseconds.
const CALLS_AT_ONCE: usize = 8;
/// Bytes that may wait to be read by the client before it is not listened to any more.
const UNREAD: usize = 1 << 20;
/// Bytes that may wait to be read by the client before events wait to be put together.
const UNREAD_EVENTS: usize = 64 << 10;

/// Why a connection ends. All but the first three are the client's fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("the client closed it")]
    Closed,
    #[error("the server shuts down")]
    Shutdown,
    #[error("the registry has ended")]
    Registry,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the stream cannot be followed: {0}")]
    Framing(#[from] nodedev_rpc::FrameError),
    #[error("a frame brought descriptors, or was too long for a client that is not known")]
    Refused,
    #[error("pings are not answered")]
    Silent,
    #[error("{0} took too long")]
    TooSlow(&'static str),
    #[error("too many events are unread")]
    TooManyEvents,
}

impl End {
    /// What they are called in metrics, by [`End::index`].
    pub(crate) const NAMES: [&'static str; 9] =
        ["closed", "shutdown", "registry", "io", "framing", "refused", "silent", "slow", "events"];

    pub(crate) const fn index(&self) -> usize {
        match self {
            Self::Closed => 0,
            Self::Shutdown => 1,
            Self::Registry => 2,
            Self::Io(_) => 3,
            Self::Framing(_) => 4,
            Self::Refused => 5,
            Self::Silent => 6,
            Self::TooSlow(_) => 7,
            Self::TooManyEvents => 8,
        }
    }
}

/// Tells that the server wants to end, and for how long running calls may go on.
pub(crate) type Stop = watch::Receiver<bool>;

/// Serves a client until one side ends it. `on_known` is called once the client has authenticated.
pub(crate) async fn serve<S>(
    stream: S,
    origin: Origin,
    shared: Arc<Shared>,
    mut stop: Stop,
    on_known: impl FnOnce() + Send,
) -> End
where
    S: Stream,
{
    let config = shared.config();
    let (reader, writer) = tokio::io::split(stream);
    let mut connection = Connection {
        inbox: Inbox::new(reader, shared.large_frames(&origin)),
        outbox: Outbox::new(writer, shared.counts.unread.part()),
        timers: Timers::new(&config),
        session: Session::new(origin, config.limits.client_events, shared.counts.pending.part()),
        waiting: VecDeque::new(),
        running: FuturesUnordered::new(),
        complete: false,
        rhythm: Rhythm::default(),
        on_known: Some(on_known),
        shared,
        config,
    };
    connection.note_known();
    loop {
        if connection.may_lend() {
            // In a box, as the end is: hardly any client needs the room for it.
            connection = match Box::pin(connection.lend(&mut stop)).await {
                Ok(connection) => connection,
                Err(end) => return end,
            };
        }
        match connection.step(&mut stop).await {
            Ok(()) => {}
            Err(end) => return Box::pin(connection.finish(end)).await,
        }
    }
}

struct Connection<S, F> {
    inbox: Inbox<ReadHalf<S>>,
    outbox: Outbox<WriteHalf<S>>,
    timers: Timers,
    session: Session,
    waiting: VecDeque<Waiting>,
    /// They are driven by this task: another one for each would cost two changes of task.
    running: FuturesUnordered<BoxFuture<'static, Result<Done, Panicked>>>,
    /// The list has been seen to be complete, so that calls about devices need not wait.
    complete: bool,
    rhythm: Rhythm,
    on_known: Option<F>,
    shared: Arc<Shared>,
    config: Arc<ServerConfig>,
}

/// A call that has been answered, and when it came.
struct Done {
    header: Header,
    begun: Instant,
    outcome: Outcome,
    effect: Effect,
}

/// A call that did so, which ends the connection. The panic itself has been reported.
struct Panicked;

/// A call that stands in line, since then.
struct Waiting {
    frame: Frame,
    begun: Instant,
    /// Kept by what is more than a client may hold by itself.
    _place: Option<Place>,
}

impl Waiting {
    fn new(frame: Frame, place: Option<Place>, begun: Instant) -> Self {
        let is_long = frame.payload.len() > WAITING_BYTES;
        Self { frame, begun, _place: place.filter(|_| is_long) }
    }
}

impl<S, F> Connection<S, F>
where
    S: Stream,
    F: FnOnce() + Send,
{
    /// Does what can be done at once, then waits for the next thing to happen.
    async fn step(&mut self, stop: &mut Stop) -> Result<(), End> {
        self.start_calls()?;
        self.tell_events();
        if self.session.has_ended() && self.outbox.is_empty() {
            return Err(End::Closed);
        }
        self.timers.watch_writing(self.outbox.is_empty());
        let may_read = self.may_read();
        let listens = may_read && !self.inbox.waits_for_place();
        self.timers.watch_reading(listens, self.inbox.is_within_frame());
        let has_more = self.may_start() && !self.waiting.is_empty();
        if has_more {
            // Others may have the thread.
            tokio::task::yield_now().await;
        }
        let waits_for_list = self.waits_for_list();
        tokio::select! {
            received = self.inbox.receive(), if may_read => self.take_in(received?)?,
            written = self.outbox.write(), if !self.outbox.is_empty() => {
                self.timers.written(written?);
            }
            Some(done) = self.running.next() => self.finish_call(done),
            noted = self.session.callbacks.follow() => {
                noted.map_err(End::from)?;
                self.shared.counts.coalesce(self.session.callbacks.take_coalesced());
            }
            () = self.shared.registry.ready(), if waits_for_list => self.complete = true,
            () = self.timers.due() => self.on_time()?,
            () = std::future::ready(()), if has_more => {}
            _ = stop.wait_for(|stop| *stop) => return Err(End::Shutdown),
        }
        Ok(())
    }

    /// Who leaves much unread is not listened to: else pings alone could ask for any amount.
    fn may_read(&self) -> bool {
        let bytes: usize = self.waiting.iter().map(|call| call.frame.payload.len()).sum();
        !self.session.has_ended()
            && self.waiting.len() < WAITING_CALLS
            && bytes < WAITING_BYTES
            && self.outbox.len() < UNREAD
    }

    /// Whether the next call is held up only because the list is not complete yet.
    fn waits_for_list(&self) -> bool {
        !self.complete
            && self.waiting.front().is_some_and(|call| dispatch::needs_list(&call.frame.header))
    }

    fn may_start(&self) -> bool {
        // Beside a question to polkit there is always one more: with calls that only wait nothing would be read, and
        // nobody see it leave.
        let limit = self.config.limits.client_requests;
        let limit = if self.session.is_authenticated() { limit } else { limit.max(2) };
        !self.session.has_ended()
            && self.running.len() < limit
            && self.outbox.len() < UNREAD
            && !self.waits_for_list()
    }

    fn start_calls(&mut self) -> Result<(), End> {
        for _ in 0..CALLS_AT_ONCE {
            if !self.may_start() {
                break;
            }
            let Some(Waiting { frame, begun, _place }) = self.waiting.pop_front() else {
                break;
            };
            if dispatch::is_document(&frame.header) {
                self.rhythm.asked();
            }
            let reaction = dispatch::react(&mut self.session, &self.shared, &frame);
            self.note_known();
            self.act(frame.header, begun, reaction)?;
        }
        Ok(())
    }

    fn act(&mut self, header: Header, begun: Instant, reaction: Reaction) -> Result<(), End> {
        match reaction {
            Reaction::Answer(Answered::Now(outcome)) => self.reply(&header, begun, &outcome),
            Reaction::Answer(Answered::Later(answer)) => {
                let answered = AssertUnwindSafe(answer).catch_unwind();
                self.running.push(Box::pin(answered.map(move |answer| {
                    let (outcome, effect) = answer.map_err(|_| Panicked)?;
                    Ok(Done { header, begun, outcome, effect })
                })));
            }
            Reaction::Ignore => {}
            Reaction::Close => return Err(End::Refused),
        }
        Ok(())
    }

    fn finish_call(&mut self, done: Result<Done, Panicked>) {
        let Ok(Done { header, begun, outcome, effect }) = done else {
            self.session.end();
            return;
        };
        match effect {
            Effect::None => {}
            #[cfg(feature = "polkit")]
            Effect::Refused => self.session.refuse(),
            #[cfg(feature = "polkit")]
            Effect::Authenticated => {
                self.session.authenticate();
                self.note_known();
            }
        }
        self.reply(&header, begun, &outcome);
    }

    fn reply(&mut self, call: &Header, begun: Instant, outcome: &Outcome) {
        self.shared.counts.rpc(call.procedure, begun.elapsed(), outcome.is_err());
        self.outbox.push(reply_bytes(&self.shared, call, outcome));
        if dispatch::is_document(call) {
            self.rhythm.answered();
        }
    }

    fn tell_events(&mut self) {
        while self.outbox.len() < UNREAD_EVENTS {
            let Some(frame) = self.session.callbacks.next_frame() else {
                break;
            };
            self.outbox.push(frame);
        }
    }

    /// Whatever has arrived: words of keepalive are answered at once, calls stand in line.
    fn take_in(&mut self, arrival: Arrival) -> Result<(), End> {
        if arrival == Arrival::End {
            return Err(End::Closed);
        }
        self.take_frames()
    }

    fn take_frames(&mut self) -> Result<(), End> {
        while let Some((received, place)) = self.inbox.next()? {
            self.timers.received();
            self.take_one(received, place, Instant::now())?;
        }
        Ok(())
    }

    /// Something that has come at that time.
    fn take_one(
        &mut self,
        received: Received,
        place: Option<Place>,
        begun: Instant,
    ) -> Result<(), End> {
        let (header, frame) = match received {
            Received::Frame(frame) => (frame.header, Some(frame)),
            Received::Oversized(header) => (header, None),
            _ => return Ok(()),
        };
        match (Keepalive::of(&header), frame) {
            (Some(Keepalive::Ping), _) => self.say(Keepalive::Pong),
            (Some(Keepalive::Pong), _) => {}
            (None, Some(frame)) if is_call(&frame.header) => {
                self.waiting.push_back(Waiting::new(frame, place, begun));
            }
            (None, Some(_)) => {}
            (None, None) if self.session.is_authenticated() => {
                self.act(header, begun, dispatch::oversized(&header))?;
            }
            (None, None) => return Err(End::Refused),
        }
        Ok(())
    }

    fn say(&mut self, word: Keepalive) {
        // There is no payload that could be too long.
        self.outbox.push(Frame::bytes_of(&word.header(), &()).unwrap_or_default());
    }

    fn on_time(&mut self) -> Result<(), End> {
        if let Some(late) = self.timers.late(self.running.is_empty()) {
            return Err(End::TooSlow(late));
        }
        match self.timers.tick() {
            Some(Tick::Ping) => self.say(Keepalive::Ping),
            Some(Tick::Dead) => return Err(End::Silent),
            _ => {}
        }
        Ok(())
    }

    /// What follows from the session's state, once it has changed.
    fn note_known(&mut self) {
        if self.session.is_authenticated() {
            self.inbox.allow_long_frames();
            self.timers.known();
            if let Some(on_known) = self.on_known.take() {
                on_known();
            }
        }
        if self.session.wants_pings {
            self.timers.start_pings(&self.config);
        }
    }

    /// Sends what has been answered, if there is somebody to read it. Running calls are dropped, but
    /// at a shutdown: those that end within the server's grace are answered.
    async fn finish(mut self, end: End) -> End {
        let flush = async {
            if matches!(end, End::Shutdown) {
                while let Some(done) = self.running.next().await {
                    self.finish_call(done);
                }
            }
            if matches!(end, End::Shutdown | End::Closed | End::Registry) {
                while !self.outbox.is_empty() && self.outbox.write().await.is_ok() {}
            }
            self.outbox.close().await;
        };
        let _ = tokio::time::timeout(timers::LAST_WORDS, flush).await;
        end
    }
}

/// The frame that answers a call.
fn reply_bytes(shared: &Shared, call: &Header, outcome: &Outcome) -> Vec<u8> {
    let bytes = match outcome {
        Ok(reply) => Frame::bytes_with(&call.reply(Status::Ok), |out| reply.encode(out)),
        Err(error) => Frame::bytes_of(&call.reply(Status::Error), &**error),
    };
    let bytes = bytes.or_else(|error| {
        if shared.complaints.may_tell() {
            tracing::warn!(procedure = call.procedure, "an answer is too long: {error}");
        }
        let error = virt_error::rpc(format!("Unable to encode message payload: {error}"));
        Frame::bytes_of(&call.reply(Status::Error), &*error)
    });
    // The error about an error is short enough by construction.
    bytes.unwrap_or_default()
}

/// Everything else asks for no answer.
const fn is_call(header: &Header) -> bool {
    matches!(header.kind, MessageType::Call | MessageType::CallWithFds)
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::TooMany => Self::TooManyEvents,
            Ended::Closed => Self::Registry,
        }
    }
}
