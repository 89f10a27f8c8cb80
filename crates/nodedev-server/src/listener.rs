//! Where clients come in, and what that already says of them.

use tokio::net::{TcpListener, UnixListener};
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
}
