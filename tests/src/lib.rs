//! The laboratory: real and mock hosts, and on them our daemon, libvirt's own and their clients.
//!
//! The tests beside it use it. Whatever it starts ends with the value that stands for it; it changes
//! nothing outside its own namespaces and folders. Where something is missing or breaks, it panics, as
//! the test would that asked for it.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test code: a panic is a failure, and commands are what is tested"
)]

pub mod bench;
pub mod command;
pub mod daemon;
mod debian_mirror;
pub mod debian_root;
pub mod lab;
pub mod mock;
pub mod parity;
pub mod peer;
pub mod replayed;
pub mod require;
pub mod stress;
pub mod systemd;
pub mod udevd;
pub mod verdicts;
pub mod wire;
pub mod xmllint;
