//! The kit is right when right sources pass it and each faulty one fails its clause.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test beds; a source that prints is one of the faults"
)]

mod bed;
mod behaviour;
mod faults;
mod faulty;
mod own_process;
mod scripted;
mod skips;
mod streams;
