//! Documents as a whole: known ones byte for byte, arbitrary ones there and back, bad ones.
#![forbid(unsafe_code)]

mod device;
mod errors;
mod golden;
mod laws;
mod mutations;
mod round_trip;
mod validate;
mod verdicts;
