//! Messages on a stream: JSON texts, each ended by a zero byte, with bounds on size and time.
//!
//! Written here because zlink lets messages grow to 100 MiB, accepts file descriptors, waits for a
//! reader without end, and writes a large message at a cost that is the square of its length.

use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout, timeout_at};

use crate::connection::Stream as _;
use crate::shares::{Place, Share};

/// The longest call: the longest document, of which JSON may make two bytes from each, and room for what
/// is around it.
pub(super) const MAX_CALL: usize = 2 * nodedev_xml::MAX_LEN + SHORT_CALL;
/// Calls up to that length need no place.
pub(super) const SHORT_CALL: usize = 64 << 10;
/// How long a call may take to arrive once it has begun, a wait for a place included, and how long from
/// the end of such a wait.
pub(super) const ARRIVE: Duration = Duration::from_secs(30);
/// How long a client may read nothing of what is sent to it.
pub(super) const UNREAD: Duration = Duration::from_secs(30);

/// What is kept of a buffer that has been larger, and the most that is read at once.
const KEPT: usize = 64 * 1024;

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("a call is longer than is taken")]
    TooLong,
    #[error("a call took longer than {ARRIVE:?} to arrive")]
    TooSlow,
    #[error("there was no place for a long call for {ARRIVE:?}")]
    NoPlace,
    #[error("it read nothing for {UNREAD:?}")]
    Unread,
    #[error("it may not ask, and did not within {ARRIVE:?}")]
    Silent,
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
    places: Option<Share>,
    /// That of the latest call, or of the one that arrives.
    place: Option<Place>,
}

impl Calls {
    /// Without `places` no long call is taken.
    pub(super) fn new(stream: OwnedReadHalf, places: Option<Share>) -> Self {
        let buffer = BytesMut::new();
        Self { stream, buffer, searched: 0, begun: None, places, place: None }
    }

    /// The next message without its end; `None` when there will be none. The latest one has to be
    /// [released](Self::release) before. The future may be dropped without losing anything.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, End> {
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

    /// Gives back the place of the latest message, of which nobody holds anything any more.
    pub(super) fn release(&mut self) {
        if self.place.take().is_some() || self.buffer.capacity() > KEPT {
            // What has arrived behind it is short, but would keep all of its memory.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
    }

    /// Waits until the client says anything or goes: why the connection of one that has to be silent
    /// ends. No more than its first words are read. The future may be dropped.
    pub(super) async fn end_of_silence(&mut self) -> End {
        if !self.buffer.is_empty() {
            return End::BehindAWatch;
        }
        match self.read().await {
            Ok(0) => End::Gone,
            Ok(_) => End::BehindAWatch,
            Err(end) => end,
        }
    }

    /// Waits until the client has gone; nothing is read. One that says no more may still read.
    pub(super) async fn gone(&self) {
        self.stream.as_ref().gone().await;
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
    /// the time of one that had to begins anew, once: it keeps its place until the call has been answered.
    async fn find_place(&mut self) -> Result<(), End> {
        let length = self.buffer.len();
        if length <= SHORT_CALL || (self.place.is_some() && length <= MAX_CALL) {
            return Ok(());
        }
        let Some(places) = self.places.clone().filter(|_| length <= MAX_CALL) else {
            return Err(End::TooLong);
        };
        if let Some(place) = places.free_place() {
            self.place = Some(place);
            return Ok(());
        }
        let place = timeout_at(self.deadline(), places.place()).await;
        self.place = Some(place.ok().flatten().ok_or(End::NoPlace)?);
        self.begun = Some(Instant::now());
        Ok(())
    }

    async fn read(&mut self) -> Result<usize, End> {
        let deadline = (self.searched > 0).then(|| self.deadline());
        self.buffer.reserve(4096);
        let mut room = (&mut self.buffer).limit(KEPT);
        let reading = self.stream.read_buf(&mut room);
        match deadline {
            None => Ok(reading.await?),
            Some(deadline) => {
                Ok(timeout_at(deadline, reading).await.map_err(|_| End::TooSlow)??)
            }
        }
    }

    /// Until when the call has to be there of which something is.
    fn deadline(&mut self) -> Instant {
        *self.begun.get_or_insert_with(Instant::now) + ARRIVE
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

    /// Writes down a message that is to be sent, so that nothing else of it has to be kept.
    pub(super) fn put(&mut self, message: &impl Serialize) -> Result<(), End> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, message).map_err(End::NotAReply)?;
        self.buffer.push(0);
        Ok(())
    }

    /// Sends the message that was put, if one was, for as long as the client goes on reading it.
    pub(super) async fn send(&mut self) -> Result<(), End> {
        let mut rest = &self.buffer[..];
        while !rest.is_empty() {
            let written = timeout(UNREAD, self.stream.write(rest)).await;
            rest.advance(written.map_err(|_| End::Unread)??);
        }
        self.buffer.clear();
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;
    use crate::shares::Shares;

    #[tokio::test]
    async fn what_arrives_behind_a_long_call_does_not_keep_its_memory() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut calls = Calls::new(ours.into_split().0, Some(Shares::new(1, 1).of(None)));
        let sending = tokio::spawn(async move {
            let mut sent = vec![b' '; MAX_CALL / 2];
            sent.extend(b"\0{");
            theirs.write_all(&sent).await.unwrap();
            theirs
        });
        assert_eq!(calls.next().await.unwrap().unwrap().len(), MAX_CALL / 2);
        let _theirs = sending.await.unwrap();
        calls.release();
        assert!(!calls.buffer.try_reclaim(MAX_CALL / 4), "the long call's memory is still there");
    }
}
