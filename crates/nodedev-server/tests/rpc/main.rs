//! libvirt's RPC as a client sees it, over a real socket, with a scripted host behind the registry.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "test code: a panic is a failure")]

mod calls;
mod client;
mod events;
mod frames;
mod lent;
mod limits;
mod read_only;
mod rig;
