#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod account;
#[expect(clippy::disallowed_methods, reason = "this is where processes are started")]
mod command;
mod config;
mod counts;
mod fields;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod hands;
mod lines;
mod message;
mod pace;
mod relisting;
mod run;
mod shared;
mod source;
mod stderr;
mod task;
mod unfinished;

pub use config::{ExecConfig, InvalidName};
pub use hands::in_foreign_hands;
pub use message::PROTOCOL;
pub use source::ExecSource;
