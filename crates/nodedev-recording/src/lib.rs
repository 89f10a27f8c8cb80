#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod format;
mod header;
mod host;
mod past;
mod read;
mod recorded;
mod recorder;
mod replay;
mod scrub;
mod settle;
mod tape;
mod write;

pub use format::{Answer, Call, Entry, Failure, Gone, ListingEnd, Message, Unreadable, Word};
pub use header::{FORMAT, Header, RecordedSource, RecordedStream, SOURCES, VERSION};
pub use host::{create, create_new, kernel, set_aside};
pub use read::{LINE_LIMIT, ReadError, Recording};
pub use recorder::{End, Options, Recorder, Summary};
pub use replay::{Replay, Speed};
pub use scrub::Scrubber;
pub use write::Writer;
