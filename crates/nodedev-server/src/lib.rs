#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod auth;
mod config;
mod listener;
mod peer;
mod server;
pub mod socket;

pub use config::{AuthScheme, Limits, Mode, ServerConfig};
pub use listener::{Access, Listener};
pub use peer::Peer;
pub use server::Server;
