//! What the protocol crate says, against what libvirt's programs said.
#![forbid(unsafe_code)]

mod captured;
mod entries;
mod mutations;
mod round_trip;
