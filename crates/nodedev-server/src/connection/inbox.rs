//! What a client sends, as frames. Of a long frame more than a little arrives only when one of the
//! few places for such frames is free.

use std::io;

use bytes::BufMut;
use nodedev_rpc::{FrameDecoder, FrameError, Received};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::shares::{Place, Share};

/// Longest frame of a client that is not known yet: it needs none that is long, since SASL is not
/// offered.
const UNKNOWN_CLIENT: usize = SMALL;
/// Longest frame of a known client: a document of 4 MiB, and room for what is around it.
const KNOWN_CLIENT: usize = (4 << 20) + (64 << 10);
/// Frames up to that length need no permit.
const SMALL: usize = 16 << 10;
/// Most bytes that are taken at once, whatever room a long frame has left behind: all frames in them
/// are taken apart before anything else is done for the client.
const AT_ONCE: usize = 64 << 10;

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
    places: Share,
    place: Option<Place>,
}

impl<R: AsyncRead + Unpin> Inbox<R> {
    pub(super) const fn new(reader: R, places: Share) -> Self {
        Self { reader, decoder: FrameDecoder::new(UNKNOWN_CLIENT), places, place: None }
    }

    /// One that goes on where another has ended.
    pub(super) const fn with(reader: R, decoder: FrameDecoder, places: Share) -> Self {
        Self { reader, decoder, places, place: None }
    }

    /// What another needs to go on. Only between frames, since no place comes with it.
    pub(super) fn into_parts(self) -> (R, FrameDecoder, Share) {
        (self.reader, self.decoder, self.places)
    }

    pub(super) const fn allow_long_frames(&mut self) {
        self.decoder.set_limit(KNOWN_CLIENT);
    }

    /// Waits for bytes. The future may be dropped without losing any.
    pub(super) async fn receive(&mut self) -> io::Result<Arrival> {
        if self.waits_for_place() {
            // Never closed; were it, the frame would just have no place of its own.
            self.place = self.places.place().await;
        }
        let mut room = self.decoder.buffer().limit(AT_ONCE);
        match self.reader.read_buf(&mut room).await? {
            0 => Ok(Arrival::End),
            _ => Ok(Arrival::Some),
        }
    }

    /// The next whole frame, if there is one, and its place if it had one.
    pub(super) fn next(&mut self) -> Result<Option<(Received, Option<Place>)>, FrameError> {
        let next = self.decoder.next()?;
        Ok(next.map(|received| (received, self.place.take())))
    }

    /// Whether a frame has begun and not ended.
    pub(super) const fn is_within_frame(&self) -> bool {
        self.decoder.is_within_frame()
    }

    /// Whether nothing is read because other clients, or others of the same user, have all the places for long frames.
    pub(super) fn waits_for_place(&self) -> bool {
        let is_large = self.decoder.declared_len().is_some_and(|length| length > SMALL);
        is_large && self.place.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shares::Shares;

    #[tokio::test]
    async fn what_is_taken_at_once_is_bounded_however_much_room_there_is() {
        let length = 4 << 20;
        let mut stream = u32::try_from(length).unwrap().to_be_bytes().to_vec();
        stream.resize(2 * length, 0);
        let mut inbox = Inbox::new(&stream[..], Shares::new(1, 1).of(None));
        inbox.allow_long_frames();
        loop {
            let before = inbox.reader.len();
            assert_eq!(inbox.receive().await.unwrap(), Arrival::Some);
            assert!(before - inbox.reader.len() <= AT_ONCE);
            if inbox.next().unwrap().is_some() {
                break;
            }
        }
        inbox.decoder.buffer().reserve(1 << 20);
        let before = inbox.reader.len();
        assert_eq!(inbox.receive().await.unwrap(), Arrival::Some);
        assert!(before - inbox.reader.len() <= AT_ONCE, "{before}");
    }
}
