#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod binary;
#[expect(clippy::disallowed_methods, reason = "this is where processes are started")]
mod command;
mod config;
mod control;
mod counts;
mod definitions;
mod entry;
mod files;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod in_use;
mod lack;
mod left_behind;
mod listing;
mod lookout;
mod remains;
mod room;
mod source;
mod tree;
mod unwatched;
mod version;
mod watch;

pub use config::MdevctlConfig;
pub use source::MdevctlSource;
