#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clause;
pub mod clauses;
mod command;
mod footprint;
mod harness;
#[cfg(feature = "umockdev")]
pub mod mock_host;
mod require;
mod rig;
mod run;
mod scripted;
mod trace;
mod verdict;
mod view;

pub use async_trait::async_trait;

pub use clause::{CLAUSES, Clause};
pub use harness::{Announcement, Applied, BadInput, Failure, Harness, HostChange, Order, Skip};
pub use require::missing;
pub use run::{report, run};
pub use scripted::{
    Acts, Asked, Behaviour, Calls, Hold, ScriptedControl, ScriptedHost, ScriptedSource,
};
pub use verdict::{Stop, Verdict};
pub use view::View;
