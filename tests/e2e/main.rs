//! Mediated devices and changing hardware on a real kernel: real parents, udevd, mdevctl and libvirt's
//! clients, and our daemon.
//!
//! Runs only in the machines that `cargo xtask e2e` boots, one test after the other: all tests of a
//! machine use the one kernel, and each leaves it as it found it. `plain`, `mdevctls` and `zoo` are the machines;
//! `outside` runs on the host behind them.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test code: a panic is a failure, and commands are what is tested"
)]

mod client;
mod device;
mod guest;
mod kernel;
mod life;
mod mdevctls;
mod outside;
mod plain;
mod tools;
mod zoo;
