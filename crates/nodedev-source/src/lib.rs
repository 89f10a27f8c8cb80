#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod blocking;
mod control;
mod counter;
mod error;
mod event;
mod hint;
mod info;
mod inventory;
mod revision;
mod snapshot;
mod source;

pub use async_trait::async_trait;
pub use nodedev_types::{Presence, StreamInfo};

pub use blocking::{allow_blocking, may_block};
pub use control::{Action, MdevConfig, NodeDeviceControl};
pub use counter::Counter;
pub use error::{ErrorKind, SourceError};
pub use event::{EventReceiver, EventSink, SourceEvent, event_channel};
pub use hint::{Hint, HintSender, HintStream, hint_channel};
pub use info::SourceInfo;
pub use inventory::Inventory;
pub use revision::RevisionCounter;
pub use snapshot::{Listing, Snapshot};
pub use source::{NodeDeviceSource, Watch};
