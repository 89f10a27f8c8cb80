//! Begins and ends a recording, and puts the sources on it.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use nodedev_source::NodeDeviceSource;

use crate::header::{FORMAT, Header, RecordedSource, VERSION};
use crate::recorded::Recorded;
use crate::tape::Tape;
use crate::write::Writer;

/// How to record.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Name and version of the program that records.
    pub program: String,
    /// Name, release and architecture of the kernel, for people.
    pub kernel: Option<String>,
    /// Replaces serial numbers and addresses: see [`Scrubber`](crate::Scrubber).
    pub scrub: bool,
    /// Bytes; a recording that would become larger ends.
    pub limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { program: String::new(), kernel: None, scrub: false, limit: 256 << 20 }
    }
}

impl Options {
    /// Options of this program.
    #[must_use]
    pub fn new(program: &str) -> Self {
        Self { program: program.to_owned(), ..Self::default() }
    }

    /// The same with the kernel's name.
    #[must_use]
    pub fn with_kernel(mut self, kernel: Option<String>) -> Self {
        self.kernel = kernel;
        self
    }

    /// The same, with serial numbers and addresses replaced or not.
    #[must_use]
    pub const fn with_scrub(mut self, scrub: bool) -> Self {
        self.scrub = scrub;
        self
    }

    /// The same with another bound.
    #[must_use]
    pub const fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It was asked to.
    #[default]
    Asked,
    /// It had its full size.
    Full,
    /// What it is written to was too slow.
    Behind,
}

impl End {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "done",
            Self::Full => "it had its full size",
            Self::Behind => "what it was written to was too slow",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How large it is.
    pub bytes: u64,
    /// Of how many lines.
    pub lines: u64,
    /// Why it ended.
    pub end: End,
}

/// A recording that is being made.
#[derive(Debug)]
pub struct Recorder {
    tape: Arc<Tape>,
}

/// Sources, as a registry takes them.
type Sources = Vec<Arc<dyn NodeDeviceSource>>;

impl Recorder {
    /// Begins a recording of these sources. A registry over the sources that are returned is recorded: they
    /// are the given ones, and nobody has to wait for the recording.
    ///
    /// # Errors
    ///
    /// When the first line cannot be written.
    pub fn start(
        out: impl Write + Send + 'static,
        options: &Options,
        sources: Sources,
    ) -> io::Result<(Self, Sources)> {
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: options.program.clone(),
            kernel: options.kernel.clone(),
            began: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0.0, |since| since.as_secs_f64()),
            scrubbed: options.scrub,
            sources: sources.iter().map(|source| RecordedSource::from(&source.info())).collect(),
        };
        let tape = Arc::new(Tape::start(Writer::new(out, &header, options.limit)?)?);
        let recorded = sources.into_iter().map(|source| {
            Arc::new(Recorded::new(source, Arc::clone(&tape))) as Arc<dyn NodeDeviceSource>
        });
        let recorded = recorded.collect();
        Ok((Self { tape }, recorded))
    }

    /// Waits until nothing more is recorded: it is full, cannot be written, or what it is written to is too
    /// slow. [`Recorder::finish`] tells which.
    pub async fn ended(&self) {
        self.tape.ended().await;
    }

    /// Ends the recording. The sources go on. Waits until all is written, which is for ever where what it is
    /// written to takes nothing: give it a deadline. Whoever drops the future leaves what is not written yet to
    /// the end of the process.
    ///
    /// # Errors
    ///
    /// When something could not be written.
    pub async fn finish(&self) -> io::Result<Summary> {
        self.tape.finish(End::Asked.as_str()).await
    }
}
