//! What the protocol crate says, against what libvirt's programs said.

mod captured;
mod round_trip;
