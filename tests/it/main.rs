//! Whole-system tests: the built commands against real tools. See the README beside this crate.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code: a panic is a failure, and commands are what is tested"
)]

mod cli;
mod command;
mod definitions;
mod lab;
mod later;
mod mock;
mod parity;
mod peer;
mod policy;
mod require;
mod watch;
