//! Recordings: written, read, damaged, scrubbed and played.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in the functions that tests share"
)]

#[path = "../../../nodedev-types/tests/it/arbitrary.rs"]
mod arbitrary;
#[path = "../../../nodedev-source-testkit/tests/it/bed.rs"]
mod bed;
mod contract;
mod damage;
mod lines;
mod pace;
mod same;
mod stage;
