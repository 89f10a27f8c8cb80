//! Arguments and answers of the procedures, and the events.

mod auth;
mod connection;
mod event;
mod node_device;

pub use auth::*;
pub use connection::*;
pub use event::*;
pub use node_device::*;
