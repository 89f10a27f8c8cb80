//! Frames out of a stream of bytes, however it is cut into pieces.
//!
//! Never holds more than what has really arrived, and of a frame that is longer than its owner
//! wants to hold only the header.

use alloc::vec::Vec;

use crate::frame::{Frame, HEADER_LEN, Header, MAX_FRAME_LEN};
use crate::xdr::{Reader, Xdr};

/// The stream cannot be followed any further: where the next frame begins is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes is impossible")]
pub struct FrameError(pub u32);

/// What came out of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A frame.
    Frame(Frame),
    /// A frame longer than the limit: only its header has been kept.
    Oversized(Header),
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    limit: usize,
    skipping: Option<(Header, usize)>,
}

/// How much room is kept for the next bytes, and what stays allocated between frames at most.
const ROOM: usize = 1024;
/// How much room is made at once for a long frame.
const LARGE_ROOM: usize = 65_536;

impl FrameDecoder {
    /// A decoder that holds frames of at most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), limit, skipping: None }
    }

    /// Holds frames of at most `limit` bytes from now on.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Where the next bytes belong: append them. There is room for some.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        let missing = match self.declared_len() {
            Some(length) if length <= self.limit => length.saturating_sub(self.buffer.len()),
            _ => 0,
        };
        self.buffer.reserve(missing.clamp(ROOM, LARGE_ROOM));
        &mut self.buffer
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub const fn is_within_frame(&self) -> bool {
        self.skipping.is_some() || !self.buffer.is_empty()
    }

    /// How long the frame that arrives is to become, once that is known.
    #[must_use]
    pub fn declared_len(&self) -> Option<usize> {
        let word = self.buffer.first_chunk::<4>()?;
        usize::try_from(u32::from_be_bytes(*word)).ok()
    }

    /// The next frame, if it is complete.
    ///
    /// # Errors
    ///
    /// [`FrameError`] when its length is less than a header or over [`MAX_FRAME_LEN`]; then close
    /// the stream.
    #[expect(clippy::should_implement_trait, reason = "none yet is not the end")]
    pub fn next(&mut self) -> Result<Option<Received>, FrameError> {
        if self.skipping.is_some() {
            return Ok(self.skip());
        }
        let Some(length) = self.declared_len() else {
            return Ok(None);
        };
        if !(HEADER_LEN..=MAX_FRAME_LEN).contains(&length) {
            return Err(FrameError(u32::try_from(length).unwrap_or(u32::MAX)));
        }
        let complete = self.buffer.len() >= length.min(self.limit.max(HEADER_LEN));
        let Ok(header) = Header::decode(&mut Reader::new(self.buffer.get(4..).unwrap_or_default()))
        else {
            return Ok(None);
        };
        if length > self.limit {
            self.skipping = Some((header, length));
            return Ok(self.skip());
        }
        if !complete {
            return Ok(None);
        }
        let payload = self.buffer[HEADER_LEN..length].to_vec();
        self.forget(length);
        Ok(Some(Received::Frame(Frame { header, payload })))
    }

    fn skip(&mut self) -> Option<Received> {
        let (header, left) = self.skipping?;
        let arrived = left.min(self.buffer.len());
        self.forget(arrived);
        if arrived < left {
            self.skipping = Some((header, left - arrived));
            return None;
        }
        self.skipping = None;
        Some(Received::Oversized(header))
    }

    fn forget(&mut self, count: usize) {
        self.buffer.drain(..count);
        if self.buffer.is_empty() && self.buffer.capacity() > ROOM {
            self.buffer = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn frame(payload: usize) -> Frame {
        Frame { header: Header::call(113, 7), payload: vec![0xab; payload] }
    }

    #[test]
    fn frames_come_out_however_the_stream_is_cut() {
        let stream = [frame(0), frame(8), frame(5000)].map(|frame| frame.to_bytes().unwrap());
        let stream = stream.concat();
        for size in [1, 3, 27, 28, 29, 4096, stream.len()] {
            let mut decoder = FrameDecoder::new(MAX_FRAME_LEN);
            let mut seen = Vec::new();
            for piece in stream.chunks(size) {
                decoder.push(piece);
                while let Some(received) = decoder.next().unwrap() {
                    seen.push(received);
                }
            }
            assert_eq!(seen, [frame(0), frame(8), frame(5000)].map(Received::Frame), "by {size}");
            assert!(!decoder.is_within_frame());
        }
    }

    #[test]
    fn of_a_long_frame_only_the_header_is_held() {
        let mut decoder = FrameDecoder::new(100);
        for piece in frame(100_000).to_bytes().unwrap().chunks(1000) {
            assert_eq!(decoder.next(), Ok(None));
            assert!(decoder.buffer().capacity() <= 2 * ROOM);
            decoder.push(piece);
        }
        assert_eq!(decoder.next(), Ok(Some(Received::Oversized(frame(0).header))));
        decoder.push(&frame(4).to_bytes().unwrap());
        assert_eq!(decoder.next(), Ok(Some(Received::Frame(frame(4)))));
    }

    #[test]
    fn a_long_length_alone_allocates_little() {
        let mut decoder = FrameDecoder::new(MAX_FRAME_LEN);
        decoder.push(&0x0200_0000_u32.to_be_bytes());
        assert!(decoder.buffer().capacity() <= 2 * LARGE_ROOM);
    }

    #[test]
    fn impossible_lengths_end_the_stream() {
        for length in [0, 1, 27, 33_554_437, u32::MAX] {
            let mut decoder = FrameDecoder::new(MAX_FRAME_LEN);
            decoder.push(&length.to_be_bytes());
            assert_eq!(decoder.next(), Err(FrameError(length)));
        }
        let mut decoder = FrameDecoder::new(1024);
        decoder.push(&33_554_436_u32.to_be_bytes());
        assert_eq!(decoder.next(), Ok(None));
    }
}
