//! The interface's text beside its types, and the client beside a service written by hand.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "test code: a panic is how a test fails")]

mod client;
mod interface;
mod samples;
mod shape;
