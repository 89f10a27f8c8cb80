//! Mediated devices on a real kernel: real parents, udevd, mdevctl and virsh, and our daemon.
//!
//! Runs only in the machine that `cargo xtask e2e` boots, one test after the other: all of them use the
//! one kernel, and each leaves it as it found it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test code: a panic is a failure, and commands are what is tested"
)]

mod definitions;
mod guest;
mod life;
mod parents;
