//! Messages on a stream: JSON texts, each ended by a zero byte, with bounds on size and time.
//!
//! Written here because zlink lets messages grow to 100 MiB, accepts file descriptors, waits for a
//! reader without end, and writes a large message at a cost that is the square of its length.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// The longest call: the longest document, of which JSON may make two bytes from each, and room for what
/// is around it.
pub(super) const MAX_CALL: usize = 2 * nodedev_xml::MAX_LEN + SHORT_CALL;
/// Calls up to that length need no place.
pub(super) const SHORT_CALL: usize = 64 << 10;
/// How long a call may take to arrive once it has begun.
pub(super) const ARRIVE: Duration = Duration::from_secs(30);
/// How long a client may read nothing of what is sent to it.
pub(super) const UNREAD: Duration = Duration::from_secs(30);

/// What is kept of a buffer that has been larger.
const KEPT: usize = 64 * 1024;

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("a call is longer than is taken")]
    TooLong,
    #[error("a call took longer than {ARRIVE:?} to arrive")]
    TooSlow,
    #[error("it read nothing for {UNREAD:?}")]
    Unread,
    #[error("a call ended too early")]
    Cut,
    #[error("not a call: {0}")]
    NotACall(serde_json::Error),
    #[error("cannot write a reply: {0}")]
    NotAReply(serde_json::Error),
    #[error("it called behind a watch, which never ends")]
    BehindAWatch,
    #[error("it has gone")]
    Gone,
    #[error("the registry has ended")]
    Registry,
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The calls that come in.
#[derive(Debug)]
pub(super) struct Calls {
    stream: OwnedReadHalf,
    buffer: BytesMut,
    /// So much of the buffer holds no end of a message.
    searched: usize,
    /// When the message began that has not yet ended.
    begun: Option<Instant>,
    /// The few places for long calls, if any is taken.
    places: Option<Arc<Semaphore>>,
    /// That of the latest call, until the next one is asked for.
    place: Option<OwnedSemaphorePermit>,
}

impl Calls {
    /// Without `places` no long call is taken.
    pub(super) fn new(stream: OwnedReadHalf, places: Option<Arc<Semaphore>>) -> Self {
        let buffer = BytesMut::new();
        Self { stream, buffer, searched: 0, begun: None, places, place: None }
    }

    /// The next message without its end; `None` when there will be none. The future may be dropped
    /// without losing anything.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, End> {
        self.place = None;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = BytesMut::new();
        }
        loop {
            if let Some(message) = self.take() {
                return Ok(Some(message));
            }
            self.find_place().await?;
            if self.read().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(End::Cut) };
            }
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let end = self.buffer[self.searched..].iter().position(|byte| *byte == 0);
        let Some(end) = end.map(|end| self.searched + end) else {
            self.searched = self.buffer.len();
            return None;
        };
        let message = self.buffer.split_to(end).freeze();
        self.buffer.advance(1);
        self.searched = 0;
        self.begun = None;
        Some(message)
    }

    /// Waits for a place where the call that arrives is a long one. Waiting is not the client's doing, so
    /// its time begins anew.
    async fn find_place(&mut self) -> Result<(), End> {
        let length = self.buffer.len();
        if length <= SHORT_CALL || (self.place.is_some() && length <= MAX_CALL) {
            return Ok(());
        }
        let Some(places) = self.places.as_ref().filter(|_| length <= MAX_CALL) else {
            return Err(End::TooLong);
        };
        // Never closed; were it, no long call would be taken.
        let place = Arc::clone(places).acquire_owned().await;
        self.place = Some(place.map_err(|_| End::TooLong)?);
        self.begun = None;
        Ok(())
    }

    async fn read(&mut self) -> Result<usize, End> {
        self.buffer.reserve(4096);
        let reading = self.stream.read_buf(&mut self.buffer);
        if self.searched == 0 {
            return Ok(reading.await?);
        }
        let begun = *self.begun.get_or_insert_with(Instant::now);
        timeout_at(begun + ARRIVE, reading).await.map_err(|_| End::TooSlow)?.map_err(End::from)
    }
}

/// The replies that go out.
#[derive(Debug)]
pub(super) struct Replies {
    stream: OwnedWriteHalf,
    buffer: Vec<u8>,
}

impl Replies {
    pub(super) fn new(stream: OwnedWriteHalf) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Sends a message, for as long as the client goes on reading it.
    pub(super) async fn send(&mut self, message: &impl Serialize) -> Result<(), End> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, message).map_err(End::NotAReply)?;
        self.buffer.push(0);
        let mut rest = &self.buffer[..];
        while !rest.is_empty() {
            let written = timeout(UNREAD, self.stream.write(rest)).await;
            rest.advance(written.map_err(|_| End::Unread)??);
        }
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        Ok(())
    }
}
