#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod action;
mod actor;
mod call;
mod claims;
mod config;
mod error;
mod explain;
mod index;
mod refresh;
mod registry;
mod snapshot;
mod state;
mod status;
mod subscription;
mod supervisor;
mod tombstones;

pub use action::ActionError;
pub use config::RegistryConfig;
pub use error::RegistryError;
pub use explain::{ClaimInfo, Explanation};
pub use nodedev_merge::{Change, ChangeKind, Explained, LostClaim, Origin};
pub use nodedev_source::{Action, MdevConfig};
pub use refresh::Refreshed;
pub use registry::{Registry, RegistryBuilder};
pub use snapshot::Snapshot;
pub use status::{SourceState, SourceStatus, StreamStatus};
pub use subscription::{Batch, Missed, NextError, Subscription};
