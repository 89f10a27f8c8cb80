#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod auth;
mod callbacks;
mod complaints;
mod config;
mod connection;
mod counts;
mod dispatch;
mod echo;
mod listener;
#[cfg(feature = "metrics")]
mod metrics;
mod peer;
mod rooms;
mod server;
mod session;
mod shares;
pub mod socket;
#[cfg(feature = "tls")]
pub mod tls;
mod varlink;
mod virt_error;

pub use config::{AuthScheme, Limits, Mode, ServerConfig};
pub use listener::{Access, Listener};
#[cfg(feature = "metrics")]
pub use metrics::{MetricsAddress, MetricsAddressError};
pub use peer::Peer;
pub use server::Server;
