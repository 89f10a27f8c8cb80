//! Devices as JSON.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "test code: a panic is how a test fails")]

mod arbitrary;
mod json;
