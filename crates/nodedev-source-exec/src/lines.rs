//! Bytes cut into lines, each within a bound. Pure but for [`Lines`], which reads a pipe.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes that are read at once.
const CHUNK: usize = 16 << 10;
/// A line so many times longer than it may be has no end.
const ENDLESS: usize = 16;

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    /// Its bytes, or as many of them as a line may have.
    pub(crate) bytes: Vec<u8>,
    /// Whether there were more.
    pub(crate) too_long: bool,
}

/// Cuts bytes into lines.
#[derive(Debug)]
pub(crate) struct Splitter {
    limit: usize,
    held: Vec<u8>,
    /// Bytes of the line under way that were not kept.
    skipped: usize,
    number: u64,
}

/// A line that does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endless;

impl Splitter {
    /// For lines of at most so many bytes.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit, held: Vec::new(), skipped: 0, number: 0 }
    }

    /// Takes bytes, up to the end of one line, and gives that line.
    pub(crate) fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<Line>, Endless> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (here, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        *bytes = if end.is_some() { &rest[1..] } else { rest };
        let kept = here.len().min(self.limit - self.held.len());
        self.held.extend_from_slice(&here[..kept]);
        self.skipped += here.len() - kept;
        if end.is_some() {
            return Ok(Some(self.line()));
        }
        if self.skipped > self.limit.saturating_mul(ENDLESS) { Err(Endless) } else { Ok(None) }
    }

    /// What was begun and not ended.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        (!self.held.is_empty() || self.skipped > 0).then(|| self.line())
    }

    fn line(&mut self) -> Line {
        self.number += 1;
        let mut bytes = std::mem::take(&mut self.held);
        let too_long = std::mem::take(&mut self.skipped) > 0;
        if !too_long && bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Line { number: self.number, bytes, too_long }
    }
}

/// The lines of a pipe. Every future may be dropped without losing one.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    pipe: R,
    splitter: Splitter,
    chunk: Vec<u8>,
    begin: usize,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) const fn new(pipe: R, limit: usize) -> Self {
        Self { pipe, splitter: Splitter::new(limit), chunk: Vec::new(), begin: 0, ended: false }
    }

    /// A line of what has been read already.
    pub(crate) fn held(&mut self) -> Result<Option<Line>, Endless> {
        let mut bytes = &self.chunk[self.begin..];
        let line = self.splitter.take(&mut bytes);
        self.begin = self.chunk.len() - bytes.len();
        match line {
            Ok(None) if self.ended => Ok(self.splitter.finish()),
            line => line,
        }
    }

    /// Reads more, how much; nothing is the end.
    pub(crate) async fn read(&mut self) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        if self.begin == self.chunk.len() {
            self.chunk.clear();
            self.begin = 0;
        }
        self.chunk.reserve(CHUNK);
        let read = (&mut self.pipe).take(CHUNK as u64).read_buf(&mut self.chunk).await?;
        self.ended = read == 0;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]], limit: usize) -> Vec<Line> {
        let mut splitter = Splitter::new(limit);
        let mut lines = Vec::new();
        for mut chunk in chunks.iter().copied() {
            while !chunk.is_empty() {
                lines.extend(splitter.take(&mut chunk).expect("an end"));
            }
        }
        lines.extend(splitter.finish());
        lines
    }

    fn line(number: u64, text: &str, too_long: bool) -> Line {
        Line { number, bytes: text.as_bytes().to_vec(), too_long }
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself() {
        let lines = split(&[b"ab\n", b"abcdefg", b"hij\r\n\ncd\r\ne"], 4);
        let expected = [
            line(1, "ab", false),
            line(2, "abcd", true),
            line(3, "", false),
            line(4, "cd", false),
            line(5, "e", false),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_line_without_an_end_is_told_and_not_kept() {
        let mut splitter = Splitter::new(4);
        let mut taken = 0;
        while splitter.take(&mut &b"xxxxxxxx"[..]).is_ok() {
            taken += 8;
            assert!(taken < 100 && splitter.held.len() <= 4, "{taken}");
        }
    }

    proptest! {
        #[test]
        fn however_the_bytes_come_the_lines_are_the_same(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..60),
            cuts in prop::collection::vec(0usize..60, 0..6),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut begin = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                chunks.push(&bytes[begin..cut]);
                begin = cut;
            }
            let lines = split(&chunks, 7);
            prop_assert_eq!(&lines, &split(&[&bytes[..]], 7));
            let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
            let last = usize::from(bytes.last().is_some_and(|last| *last != b'\n'));
            prop_assert_eq!(lines.len(), ends + last);
            prop_assert!(lines.iter().all(|line| line.bytes.len() <= 7));
        }
    }
}
