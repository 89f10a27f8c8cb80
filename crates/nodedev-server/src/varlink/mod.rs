//! Our own varlink interface: one connection from its first call to its end.
//!
//! Knows of one client only: who may come in, and how many, is decided before it gets here. What the
//! client asks in bad form costs that call, what cannot be read costs the connection.

mod call;
mod connection;
mod frame;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use nodedev_registry::Registry;
use tokio::net::UnixStream;
use tokio::sync::watch;

use self::connection::Connection;
use crate::counts::Counts;
use crate::session::{Denial, Origin, Shared};
use crate::shares::Share;

pub(crate) use self::call::METHODS;

/// Who may change devices.
#[derive(Debug, Clone)]
pub(crate) enum Rights {
    /// The client may or may not.
    #[cfg(test)]
    Fixed(Result<(), Denial>),
    /// Nobody says so, for ever; it is told when that is asked.
    #[cfg(test)]
    Asked(Arc<tokio::sync::Notify>),
    /// It is judged at each call by where the client came in.
    Judged(Arc<Shared>, Origin),
}

impl Rights {
    pub(crate) const fn of(shared: Arc<Shared>, origin: Origin) -> Self {
        Self::Judged(shared, origin)
    }

    /// The answer may take minutes.
    async fn may_change(&self) -> Result<(), Denial> {
        match self {
            #[cfg(test)]
            Self::Fixed(may) => may.clone(),
            #[cfg(test)]
            Self::Asked(asked) => {
                asked.notify_one();
                std::future::pending().await
            }
            Self::Judged(shared, origin) => shared.may_change(origin).await,
        }
    }
}

/// Serves a client until it goes, breaks the rules or stops reading, or the registry ends. Once it is told
/// to stop, the call that it is at is answered and no other. Calls that are long share these places with those
/// of other clients.
pub(crate) async fn serve(
    stream: UnixStream,
    registry: Registry,
    rights: Rights,
    places: Share,
    counts: Arc<Counts>,
    stop: watch::Receiver<bool>,
) {
    let connection = Connection::new(stream, registry, Some(places), counts);
    if let Err(end) = connection.run(&rights, stop).await {
        tracing::debug!("varlink client: {end}");
    }
}

/// Tells a client that it may not ask, if it does so within a while.
pub(crate) async fn deny(stream: UnixStream, registry: Registry, counts: Arc<Counts>) {
    if let Err(end) = Connection::new(stream, registry, None, counts).deny().await {
        tracing::debug!("varlink client: {end}");
    }
}
