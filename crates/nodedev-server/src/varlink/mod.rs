//! Our own varlink interface: one connection from its first call to its end.
//!
//! Knows of one client only: who may come in, and how many, is decided before it gets here. What the
//! client asks in bad form costs that call, what cannot be read costs the connection.

mod call;
mod connection;
mod frame;
#[cfg(test)]
mod tests;

use nodedev_registry::Registry;
use tokio::net::UnixStream;

use self::connection::Connection;

/// Serves a client until it goes, breaks the rules or stops reading, or the registry ends.
pub(crate) async fn serve(stream: UnixStream, registry: Registry) {
    if let Err(end) = Connection::new(stream, registry).run().await {
        tracing::debug!("varlink client: {end}");
    }
}

/// Tells a client that it may not ask.
pub(crate) async fn deny(stream: UnixStream, registry: Registry) {
    if let Err(end) = Connection::new(stream, registry).deny().await {
        tracing::debug!("varlink client: {end}");
    }
}
