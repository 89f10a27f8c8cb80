//! What a connection is made over.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// A stream to a client. Of some the socket can be had, for a thread that has nothing else to wait for.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + Sized {
    /// Whether the socket can be had.
    const HAS_SOCKET: bool = false;

    /// The socket, of which the runtime knows nothing any more.
    fn detach(self) -> io::Result<StdUnixStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives the socket back to the runtime.
    fn attach(_socket: StdUnixStream) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Stream for UnixStream {
    const HAS_SOCKET: bool = true;

    fn detach(self) -> io::Result<StdUnixStream> {
        self.into_std()
    }

    fn attach(socket: StdUnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Self::from_std(socket)
    }
}

impl Stream for TcpStream {}

#[cfg(feature = "tls")]
impl Stream for tokio_rustls::server::TlsStream<TcpStream> {}
