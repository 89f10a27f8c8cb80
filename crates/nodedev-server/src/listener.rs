//! Where clients come in, and what that already says of them.

#[cfg(feature = "metrics")]
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
#[cfg(feature = "metrics")]
use tokio::sync::Semaphore;
#[cfg(feature = "tls")]
use tokio::sync::watch;

use crate::config::AuthScheme;
#[cfg(feature = "tls")]
use crate::tls::TlsAcceptor;

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    ReadWrite,
    /// Nothing that changes anything.
    ReadOnly,
}

/// A socket that listens, with what a client gets by coming through it.
#[derive(Debug)]
pub struct Listener {
    pub(crate) door: Door,
}

#[derive(Debug)]
pub(crate) enum Door {
    Unix {
        socket: UnixListener,
        access: Access,
        auth: AuthScheme,
    },
    Tcp {
        socket: TcpListener,
    },
    #[cfg(feature = "tls")]
    Tls {
        socket: TcpListener,
        acceptor: watch::Receiver<TlsAcceptor>,
    },
    Varlink {
        socket: UnixListener,
        auth: AuthScheme,
    },
    #[cfg(feature = "metrics")]
    Metrics {
        socket: MetricsSocket,
        places: Arc<Semaphore>,
    },
}

/// Where metrics are asked for.
#[cfg(feature = "metrics")]
#[derive(Debug)]
pub(crate) enum MetricsSocket {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// libvirt's RPC on a unix socket.
    #[must_use]
    pub const fn unix(socket: UnixListener, access: Access, auth: AuthScheme) -> Self {
        Self { door: Door::Unix { socket, access, auth } }
    }

    /// libvirt's RPC on TCP, without encryption and without authentication.
    #[must_use]
    pub const fn tcp(socket: TcpListener) -> Self {
        Self { door: Door::Tcp { socket } }
    }

    /// libvirt's RPC over TLS. Each client meets the certificates that the acceptor has when it comes,
    /// so that they can be replaced.
    #[cfg(feature = "tls")]
    #[must_use]
    pub const fn tls(socket: TcpListener, acceptor: watch::Receiver<TlsAcceptor>) -> Self {
        Self { door: Door::Tls { socket, acceptor } }
    }

    /// Our own varlink interface on a unix socket. Who may come in is judged as at a read-only socket;
    /// who may change devices is judged at the call: root and the daemon's own user, others by polkit.
    #[must_use]
    pub const fn varlink(socket: UnixListener, auth: AuthScheme) -> Self {
        Self { door: Door::Varlink { socket, auth } }
    }

    /// Metrics over HTTP on a unix socket: whoever can connect sees them.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics_unix(socket: UnixListener) -> Self {
        Self::metrics(MetricsSocket::Unix(socket))
    }

    /// Metrics over HTTP on TCP: whoever can connect sees them, so the address should be of the
    /// loopback interface.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics_tcp(socket: TcpListener) -> Self {
        Self::metrics(MetricsSocket::Tcp(socket))
    }

    #[cfg(feature = "metrics")]
    fn metrics(socket: MetricsSocket) -> Self {
        let places = Arc::new(Semaphore::new(crate::metrics::PLACES));
        Self { door: Door::Metrics { socket, places } }
    }
}
