#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod config;
mod listener;
mod server;

pub use config::{AuthScheme, Limits, Mode, ServerConfig};
pub use listener::{Access, Listener};
pub use server::Server;
