//! Clients that break every rule, over raw sockets: each costs itself, and nobody else notices.
//!
//! The server runs in a process of its own ([`host`]) over devices that are made up, so that its
//! memory can be bounded and its panics be seen. Beside most of them a well-behaved client calls all the
//! while ([`witness`]), each of whose calls has to be answered in time.

mod crowds;
mod daemon;
mod frames;
mod host;
mod limits;
mod witness;
