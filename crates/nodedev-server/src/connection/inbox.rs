//! What a client sends, as frames. Of a long frame more than a little arrives only when one of the
//! few places for such frames is free.

use std::io;
use std::sync::Arc;

use nodedev_rpc::{FrameDecoder, FrameError, Received};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest frame of a client that is not known yet. The longest that it needs is one of SASL.
const UNKNOWN_CLIENT: usize = 512 << 10;
/// Longest frame of a known client: a document of 4 MiB, and room for what is around it.
const KNOWN_CLIENT: usize = (4 << 20) + (64 << 10);
/// Frames up to that length need no permit.
const SMALL: usize = 16 << 10;

/// What reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Something, perhaps a frame.
    Some,
    /// The client sends no more.
    End,
}

#[derive(Debug)]
pub(super) struct Inbox<R> {
    reader: R,
    decoder: FrameDecoder,
    places: Arc<Semaphore>,
    place: Option<OwnedSemaphorePermit>,
}

impl<R: AsyncRead + Unpin> Inbox<R> {
    pub(super) const fn new(reader: R, places: Arc<Semaphore>) -> Self {
        Self { reader, decoder: FrameDecoder::new(UNKNOWN_CLIENT), places, place: None }
    }

    pub(super) const fn allow_long_frames(&mut self) {
        self.decoder.set_limit(KNOWN_CLIENT);
    }

    /// Waits for bytes. The future may be dropped without losing any.
    pub(super) async fn receive(&mut self) -> io::Result<Arrival> {
        let is_large = self.decoder.declared_len().is_some_and(|length| length > SMALL);
        if is_large && self.place.is_none() {
            // Never closed; were it, the frame would just have no place of its own.
            self.place = Arc::clone(&self.places).acquire_owned().await.ok();
        }
        match self.reader.read_buf(self.decoder.buffer()).await? {
            0 => Ok(Arrival::End),
            _ => Ok(Arrival::Some),
        }
    }

    /// The next whole frame, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Received>, FrameError> {
        let next = self.decoder.next()?;
        if next.is_some() {
            self.place = None;
        }
        Ok(next)
    }

    /// Whether a frame is arriving. One that waits for its place is not.
    pub(super) fn is_within_frame(&self) -> bool {
        let is_large = self.decoder.declared_len().is_some_and(|length| length > SMALL);
        self.decoder.is_within_frame() && (!is_large || self.place.is_some())
    }
}
