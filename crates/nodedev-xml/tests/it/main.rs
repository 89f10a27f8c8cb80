//! Documents as a whole: known ones byte for byte, arbitrary ones there and back, bad ones.

mod device;
mod errors;
mod golden;
mod round_trip;
