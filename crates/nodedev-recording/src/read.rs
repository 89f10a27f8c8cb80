//! Reads a recording, whatever state it is in: what cannot be used is named and left out.

use std::collections::HashSet;
use std::io::{self, BufRead, Read as _};

use crate::format::{Entry, Message};
use crate::header::{FORMAT, Header, SOURCES, VERSION};

/// No line that this program writes is longer: a device's is some thousand bytes long.
pub const LINE_LIMIT: usize = 8 << 20;

/// Complaints that are kept; the others are counted.
const PROBLEMS: usize = 20;

/// Bytes of lines that are kept: a recording is held in memory as a whole.
const TOTAL_LIMIT: u64 = 1 << 30;

/// Why there is no recording at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It could not be read.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// The first line is not a recording's.
    #[error("not a recording: {0}")]
    NotARecording(String),
    /// It was made by a later version.
    #[error(
        "version {found} of the format, of which this program knows {VERSION}: a newer one is needed"
    )]
    LaterVersion {
        /// Which.
        found: u32,
    },
}

/// A recording.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Recording {
    /// The first line.
    pub header: Header,
    /// What could be read of the others, in their order.
    pub entries: Vec<Entry>,
    /// What could not, for people, each with the number of its line.
    pub problems: Vec<String>,
}

impl Recording {
    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the first line cannot be used. No other line costs more than itself.
    pub fn read(input: impl BufRead) -> Result<Self, ReadError> {
        let mut lines = Lines { input, number: 0, total: 0 };
        let header = header(lines.next()?)?;
        let sources = header.sources.iter().map(|source| source.name.clone()).collect();
        let mut recording = Self { header, entries: Vec::new(), problems: Vec::new() };
        let recorded = &mut recording;
        let mut reader = Reader { recording: recorded, sources, refused: 0, is_complete: false };
        reader.read(&mut lines);
        Ok(recording)
    }

    /// Why the recording ended, unless it broke off.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        match &self.entries.last()?.message {
            Message::End { reason } => Some(reason),
            _ => None,
        }
    }
}

fn header(line: Line) -> Result<Header, ReadError> {
    let not = |why: &str| ReadError::NotARecording(why.to_owned());
    let text = match line {
        Line::Text(text, _) => text,
        Line::TooLong => return Err(not("its first line is too long")),
        Line::End => return Err(not("it is empty")),
    };
    /// What every version has.
    #[derive(serde::Deserialize)]
    struct Any {
        format: String,
        version: u32,
    }
    let any: Any = serde_json::from_slice(&text)
        .map_err(|_| not("its first line has no `format` and `version`"))?;
    if any.format != FORMAT {
        return Err(not("its `format` is another one"));
    }
    if any.version > VERSION {
        return Err(ReadError::LaterVersion { found: any.version });
    }
    let header: Header =
        serde_json::from_slice(&text).map_err(|error| not(&format!("its first line: {error}")))?;
    if header.sources.len() > SOURCES {
        return Err(not(&format!("its first line names more than {SOURCES} sources")));
    }
    Ok(header)
}

struct Reader<'a> {
    recording: &'a mut Recording,
    sources: HashSet<String>,
    refused: usize,
    is_complete: bool,
}

impl Reader<'_> {
    fn read<R: BufRead>(&mut self, lines: &mut Lines<R>) {
        loop {
            let line = match lines.next() {
                Ok(line) => line,
                // What has been read is worth as much as before.
                Err(error) => return self.end(&format!("cannot be read further: {error}")),
            };
            match line {
                Line::End => break,
                Line::TooLong => {
                    self.refuse(lines.number, &format!("longer than {LINE_LIMIT} bytes"));
                }
                Line::Text(text, ends) => self.take(&text, ends, lines.number),
            }
            if lines.total > TOTAL_LIMIT {
                return self.end("longer than a recording may be: the rest is left out");
            }
        }
        if !self.is_complete {
            self.end("it breaks off: what was recorded last may be missing");
        }
    }

    fn take(&mut self, text: &[u8], ends: bool, number: u64) {
        if text.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match serde_json::from_slice::<Entry>(text) {
            Ok(entry) => {
                let last = self.recording.entries.last().map_or(0, |entry| entry.at);
                if entry.at < last {
                    return self.refuse(number, "earlier than the line before");
                }
                let known = self.sources.contains(&entry.source);
                self.is_complete = matches!(entry.message, Message::End { .. });
                if !known && !self.is_complete {
                    return self.refuse(number, "of a source that the first line does not name");
                }
                self.recording.entries.push(entry);
            }
            Err(_) if !ends => self.refuse(number, "ends in the middle"),
            Err(error) => self.refuse(number, &error.to_string()),
        }
    }

    fn refuse(&mut self, number: u64, why: &str) {
        self.refused += 1;
        if self.refused <= PROBLEMS {
            self.recording.problems.push(format!("line {number}: {why}: left out"));
        }
    }

    fn end(&mut self, why: &str) {
        if self.refused > PROBLEMS {
            let more = self.refused - PROBLEMS;
            self.recording.problems.push(format!("{more} further lines are left out"));
        }
        self.recording.problems.push(why.to_owned());
    }
}

/// Lines of bounded length.
struct Lines<R> {
    input: R,
    number: u64,
    total: u64,
}

enum Line {
    /// The line, and whether there is an end of line behind it.
    Text(Vec<u8>, bool),
    TooLong,
    End,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> io::Result<Line> {
        self.number += 1;
        let mut line = Vec::new();
        let limit = LINE_LIMIT as u64 + 1;
        let count = self.input.by_ref().take(limit).read_until(b'\n', &mut line)?;
        self.total += count as u64;
        let ends = line.pop_if(|last| *last == b'\n').is_some();
        if count == 0 {
            return Ok(Line::End);
        }
        if line.len() > LINE_LIMIT {
            drop(line);
            self.input.skip_until(b'\n')?;
            return Ok(Line::TooLong);
        }
        Ok(Line::Text(line, ends))
    }
}
