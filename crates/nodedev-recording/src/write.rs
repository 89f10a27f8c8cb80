//! Writes lines: scrubbed where that was asked for, and never more than was allowed.

use std::io::{self, Write};

use serde::Serialize;

use crate::format::{Entry, Message};
use crate::header::Header;
use crate::scrub::Scrubber;

/// What the last line needs.
const RESERVE: u64 = 256;

/// Writes a recording.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    scrubber: Option<Scrubber>,
    limit: u64,
    written: u64,
    lines: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a recording of at most `limit` bytes, and replaces serial numbers and addresses in it where
    /// the header says so.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(out: W, header: &Header, limit: u64) -> io::Result<Self> {
        let scrubber = header.scrubbed.then(Scrubber::default);
        let mut writer = Self { out, scrubber, limit, written: 0, lines: 0 };
        let line = writer.line(header)?;
        writer.put(&line)?;
        Ok(writer)
    }

    /// Writes a line, if there is room for it and for the last one; says whether there was.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&mut self, entry: &Entry) -> io::Result<bool> {
        let line = self.line(entry)?;
        let room = self.limit.saturating_sub(self.written);
        let fits = (line.len() as u64).saturating_add(RESERVE) <= room;
        if fits {
            self.put(&line)?;
        }
        Ok(fits)
    }

    /// Writes the last line.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn end(&mut self, at: u64, reason: &str) -> io::Result<()> {
        let message = Message::End { reason: reason.to_owned() };
        let line = self.line(&Entry { at, source: String::new(), message })?;
        self.put(&line)?;
        self.flush()
    }

    /// Hands on what has been written.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// How many bytes there are.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// How many lines there are.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<Vec<u8>> {
        let mut line = match &mut self.scrubber {
            Some(scrubber) => {
                let mut value = serde_json::to_value(value)?;
                scrubber.scrub(&mut value);
                serde_json::to_vec(&value)?
            }
            None => serde_json::to_vec(value)?,
        };
        line.push(b'\n');
        Ok(line)
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        self.out.write_all(line)?;
        self.written += line.len() as u64;
        self.lines += 1;
        Ok(())
    }
}
