#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "answer")]
pub mod answer;
mod client;
mod error;
mod interface;
mod message;

pub use client::{Client, ClientError, Watch};
pub use error::Error;
pub use interface::{DESCRIPTION, INTERFACE, SERVICE_DESCRIPTION, SERVICE_INTERFACE};
pub use message::{
    Action, Autostart, Change, Claim, Count, Described, Done, Explanation, FieldExplanation,
    Filter, Found, GetInfoReply, List, LostClaim, Named, Registry, Row, Since, Source, SourceState,
    Sources, Stale, Stream, Updated, Wanted, WatchReply,
};
pub use nodedev_merge::{ChangeKind, Origin};
