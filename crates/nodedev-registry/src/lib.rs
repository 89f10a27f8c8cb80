#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod action;
mod actor;
mod again;
mod call;
mod claims;
mod config;
mod durations;
mod error;
mod explain;
mod few;
mod index;
mod refresh;
mod registry;
mod room;
mod snapshot;
mod state;
mod status;
mod subscription;
mod supervisor;
mod threads;
mod tombstones;
mod totals;

pub use action::ActionError;
pub use config::RegistryConfig;
pub use durations::Durations;
pub use error::RegistryError;
pub use explain::{ClaimInfo, Explanation};
pub use nodedev_merge::{Change, ChangeKind, Explained, LostClaim, Origin};
pub use nodedev_source::{Action, MdevConfig};
pub use refresh::Refreshed;
pub use registry::{Registry, RegistryBuilder};
pub use snapshot::Snapshot;
pub use status::{SourceCount, SourceState, SourceStatus, Stale, StreamStatus};
pub use subscription::{Batch, Missed, NextError, Subscription};
pub use totals::{QueueStatus, Totals};
