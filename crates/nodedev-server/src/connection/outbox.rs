//! What a client is to read, in one order: nothing is ever written between the parts of a frame.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::counts::Part;

/// What stays allocated when all has been read.
const KEPT: usize = 1 << 10;

#[derive(Debug)]
pub(super) struct Outbox<W> {
    writer: W,
    bytes: BytesMut,
    /// Shows how much is unwritten.
    part: Part,
    /// Bytes may be held back by a layer below (TLS).
    flushed: bool,
}

impl<W: AsyncWrite + Unpin> Outbox<W> {
    pub(super) fn new(writer: W, part: Part) -> Self {
        Self { writer, bytes: BytesMut::new(), part, flushed: true }
    }

    /// What another needs to go on, once all is written.
    pub(super) fn into_parts(self) -> (W, Part) {
        (self.writer, self.part)
    }

    /// Appends a frame. A long one with nothing before it stays where it is.
    pub(super) fn push(&mut self, frame: Vec<u8>) {
        if self.bytes.is_empty() && frame.len() > KEPT {
            self.bytes = Bytes::from(frame).into();
        } else {
            self.bytes.extend_from_slice(&frame);
        }
        self.part.set(self.bytes.len());
        self.flushed = false;
    }

    /// How many bytes are unwritten.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.flushed
    }

    /// Writes some of it and gives its length. The future may be dropped without losing or repeating
    /// any.
    pub(super) async fn write(&mut self) -> io::Result<usize> {
        if self.bytes.has_remaining() {
            let written = self.writer.write_buf(&mut self.bytes).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.part.set(self.bytes.len());
            return Ok(written);
        }
        self.writer.flush().await?;
        self.flushed = true;
        // The room before what has been written is not a part of its capacity, and comes back when asked for.
        if self.bytes.capacity() > KEPT || self.bytes.try_reclaim(KEPT + 1) {
            self.bytes = BytesMut::new();
        }
        Ok(0)
    }

    /// Tells the other side that there is no more.
    pub(super) async fn close(&mut self) {
        // It may have gone already.
        let _ = self.writer.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Whole;

    #[tokio::test]
    async fn the_room_of_a_long_answer_goes_when_it_has_been_read() {
        let mut outbox = Outbox::new(tokio::io::sink(), Whole::default().part());
        for length in [100_000, 10, 10] {
            outbox.push(vec![b'a'; length]);
            while !outbox.is_empty() {
                outbox.write().await.unwrap();
            }
            assert!(!outbox.bytes.try_reclaim(KEPT + 1), "after {length}");
        }
    }
}
