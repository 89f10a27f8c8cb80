//! What a connection is made over.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::sleep;

/// How often a client is looked at that says no more but may still listen: nothing tells when it goes.
const LOOK: Duration = Duration::from_secs(1);

/// A stream to a client. Of some the socket can be had, for a thread that has nothing else to wait for.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin + Sized {
    /// Whether the socket can be had.
    const HAS_SOCKET: bool = false;

    /// Waits until the client has gone, whatever it sent before; nothing of that is read. Never ends where
    /// nobody can tell without reading. The future may be dropped.
    fn gone(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

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

    async fn gone(&self) {
        // Of this interest nothing but the end is ever told; an error is the end of the runtime.
        if self.ready(Interest::PRIORITY).await.is_err() {
            return;
        }
        while self.ready(Interest::WRITABLE).await.is_ok_and(|ready| !ready.is_write_closed()) {
            sleep(LOOK).await;
        }
    }

    fn detach(self) -> io::Result<StdUnixStream> {
        self.into_std()
    }

    fn attach(socket: StdUnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Self::from_std(socket)
    }
}

impl Stream for TcpStream {
    /// One that says no more counts as gone: nothing tells these two apart.
    async fn gone(&self) {
        let _ = self.ready(Interest::PRIORITY).await;
    }
}

#[cfg(feature = "tls")]
impl Stream for tokio_rustls::server::TlsStream<TcpStream> {}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::{Instant, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_gone_is_noticed_and_its_words_are_not_read() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"call").await.unwrap();
        assert!(timeout(60 * LOOK, ours.gone()).await.is_err(), "it is still there");
        let begun = Instant::now();
        let gone = ours.gone();
        drop(theirs);
        gone.await;
        assert!(begun.elapsed() < LOOK, "{:?}", begun.elapsed());
        let mut left = String::new();
        ours.read_to_string(&mut left).await.unwrap();
        assert_eq!(left, "call");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_no_more_may_still_listen() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.shutdown().await.unwrap();
        assert!(timeout(60 * LOOK, ours.gone()).await.is_err(), "it is still there");
        ours.write_all(b"answer").await.unwrap();
        let begun = Instant::now();
        let mut gone = Box::pin(ours.gone());
        assert!((&mut gone).now_or_never().is_none());
        drop(theirs);
        gone.await;
        assert!(begun.elapsed() <= 2 * LOOK, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_client_from_another_host_is_noticed_too() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (ours, _) = listener.accept().await.unwrap();
        theirs.write_all(b"call").await.unwrap();
        ours.readable().await.unwrap();
        assert!(ours.gone().now_or_never().is_none(), "it is still there");
        drop(theirs);
        timeout(Duration::from_secs(10), ours.gone()).await.unwrap();
    }
}
