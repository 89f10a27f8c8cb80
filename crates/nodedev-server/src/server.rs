//! The server: listeners, the clients that come through them, and their end.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use nix::sys::socket::{setsockopt, sockopt};
use nodedev_registry::Registry;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
#[cfg(feature = "metrics")]
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::config::{AuthScheme, ServerConfig};
use crate::connection::{self, End, Stream};
use crate::counts::DoorKind;
#[cfg(feature = "metrics")]
use crate::listener::MetricsSocket;
use crate::listener::{Access, Door, Listener};
use crate::peer::Peer;
use crate::rooms::{Holder, Rooms, Side, Ticket};
use crate::session::{Origin, Shared};
use crate::varlink::Rights;

/// How long to wait when a client cannot be accepted for want of descriptors: nothing tells when
/// there are some again.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Serves one registry. Clones are handles of the same server.
#[derive(Debug, Clone)]
pub struct Server {
    shared: Arc<Shared>,
    rooms: Arc<Rooms>,
    #[cfg(feature = "metrics")]
    metrics: Arc<crate::metrics::Metrics>,
    config: Arc<watch::Sender<Arc<ServerConfig>>>,
    stop: Arc<watch::Sender<bool>>,
    tasks: TaskTracker,
}

impl Server {
    /// Makes a server that listens nowhere yet.
    #[must_use]
    pub fn new(registry: Registry, config: ServerConfig) -> Self {
        let (sender, receiver) = watch::channel(Arc::new(config));
        let shared = Arc::new(Shared::new(registry, receiver.clone()));
        Self {
            #[cfg(feature = "metrics")]
            metrics: Arc::new(crate::metrics::Metrics::new(
                shared.registry.clone(),
                Arc::clone(&shared.counts),
            )),
            shared,
            rooms: Rooms::new(receiver),
            config: Arc::new(sender),
            stop: Arc::new(watch::channel(false).0),
            tasks: TaskTracker::new(),
        }
    }

    /// Serves whoever comes in there, on the current tokio runtime, until the shutdown.
    pub fn listen(&self, listener: Listener) {
        let server = self.clone();
        self.tasks.spawn(async move {
            let mut stop = server.stop.subscribe();
            tokio::select! {
                () = server.accept(&listener.door) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }

    /// Other settings, for clients that come from now on. How polkit is reached stays as it was.
    pub fn reload(&self, config: ServerConfig) {
        self.config.send_replace(Arc::new(config));
    }

    /// How many clients are connected, through all listeners.
    #[must_use]
    pub fn clients(&self) -> watch::Receiver<usize> {
        self.rooms.clients()
    }

    /// Stops listening, lets running calls end for at most `grace`, then closes every connection.
    pub async fn shutdown(&self, grace: Duration) {
        self.stop.send_replace(true);
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(clients = *self.clients().borrow(), "clients are left behind");
        }
    }

    /// Never ends. A client that cannot be accepted costs itself only.
    async fn accept(&self, door: &Door) {
        loop {
            match self.accept_one(door).await {
                Ok(()) => {}
                Err(error) if is_about_one_client(&error) => {
                    tracing::debug!("a client went before it was accepted: {error}");
                }
                Err(error) => {
                    // As often as it is tried, for as long as clients keep all descriptors.
                    if self.shared.complaints.may_tell() {
                        tracing::warn!("cannot accept a client: {error}");
                    }
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                }
            }
        }
    }

    async fn accept_one(&self, door: &Door) -> io::Result<()> {
        match door {
            Door::Unix { socket, access, auth } => {
                let (stream, _) = socket.accept().await?;
                let peer = Peer::of(&stream, Path::new("/"))?;
                let origin = Origin { access: *access, auth: *auth, peer: Some(peer) };
                let Some(ticket) = self.enter(holder(&peer)).await else { return Ok(()) };
                let span = tracing::info_span!("client", %peer, ?access);
                let kind = match access {
                    Access::ReadWrite => DoorKind::ReadWrite,
                    Access::ReadOnly => DoorKind::ReadOnly,
                };
                self.spawn(kind, self.clone().serve_rpc(stream, origin, ticket).instrument(span));
            }
            Door::Tcp { socket } => {
                let (stream, address) = socket.accept().await?;
                prepare(&stream)?;
                let Some(ticket) = self.enter(Holder::Remote).await else { return Ok(()) };
                let span = tracing::info_span!("client", %address);
                let client = self.clone().serve_rpc(stream, remote(), ticket);
                self.spawn(DoorKind::Tcp, client.instrument(span));
            }
            #[cfg(feature = "tls")]
            Door::Tls { socket, acceptor } => {
                let (stream, address) = socket.accept().await?;
                prepare(&stream)?;
                let Some(ticket) = self.enter(Holder::Remote).await else { return Ok(()) };
                let span = tracing::info_span!("client", %address, tls = true);
                let server = self.clone();
                let acceptor = acceptor.borrow().clone();
                self.spawn(
                    DoorKind::Tls,
                    server.serve_tls(stream, acceptor, ticket).instrument(span),
                );
            }
            #[cfg(feature = "metrics")]
            Door::Metrics { socket, places } => self.accept_scrape(socket, places).await?,
            Door::Varlink { socket, auth } => {
                let (stream, _) = socket.accept().await?;
                let peer = Peer::of(&stream, Path::new("/"))?;
                let Some(ticket) = self.enter(holder(&peer)).await else { return Ok(()) };
                let span = tracing::info_span!("client", %peer, varlink = true);
                let origin = Origin { access: Access::ReadOnly, auth: *auth, peer: Some(peer) };
                let client = self.clone().serve_varlink(stream, origin, ticket);
                self.spawn(DoorKind::Varlink, client.instrument(span));
            }
        }
        Ok(())
    }

    /// Whoever scrapes is no client: it has places of its own, and waits for one before it is accepted.
    #[cfg(feature = "metrics")]
    async fn accept_scrape(
        &self,
        socket: &MetricsSocket,
        places: &Arc<Semaphore>,
    ) -> io::Result<()> {
        // Nobody closes it.
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        match socket {
            MetricsSocket::Unix(socket) => self.scrape(socket.accept().await?.0, place),
            MetricsSocket::Tcp(socket) => self.scrape(socket.accept().await?.0, place),
        }
        Ok(())
    }

    #[cfg(feature = "metrics")]
    fn scrape<S>(&self, stream: S, place: OwnedSemaphorePermit)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (metrics, mut stop) = (Arc::clone(&self.metrics), self.stop.subscribe());
        self.tasks.spawn(async move {
            tokio::select! {
                () = crate::metrics::serve(stream, &metrics) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
            drop(place);
        });
    }

    /// A place for the client, once there is one; none for a crowd that has enough.
    async fn enter(&self, holder: Holder) -> Option<Ticket> {
        let ticket = self.rooms.enter(holder).await;
        if ticket.is_none() {
            self.shared.counts.turn_away();
            if self.shared.complaints.may_tell() {
                tracing::warn!(?holder, "turned a client away: there are too many of the same");
            }
        }
        ticket
    }

    fn spawn(&self, door: DoorKind, client: impl Future<Output = ()> + Send + 'static) {
        let counted = self.shared.counts.client(door);
        // A block that awaits it would have room for it twice.
        self.tasks.spawn(client.map(move |()| drop(counted)));
    }

    async fn serve_rpc<S>(self, stream: S, origin: Origin, ticket: Ticket)
    where
        S: Stream,
    {
        tracing::debug!("connected");
        if origin.has_to_authenticate() && !self.admit(&ticket, Side::Here, &stream).await {
            return;
        }
        let stop = self.stop.subscribe();
        let shared = Arc::clone(&self.shared);
        let end = connection::serve(stream, origin, Arc::clone(&shared), stop, || ticket.known());
        let end = end.await;
        shared.counts.end(&end);
        match end {
            end @ (End::Closed | End::Shutdown | End::Registry | End::Io(_)) => {
                tracing::debug!("disconnected: {end}");
            }
            end if self.shared.complaints.may_tell() => tracing::warn!("disconnected: {end}"),
            end => tracing::debug!("disconnected: {end}"),
        }
    }

    /// Waits until a client may begin to say who it is. Others are accepted meanwhile: root and
    /// those that need not say it do not wait behind it. `false` when the client or the server ends first.
    async fn admit(&self, ticket: &Ticket, side: Side, stream: &impl Stream) -> bool {
        let mut stop = self.stop.subscribe();
        tokio::select! {
            () = ticket.wait_as_unknown(side) => true,
            () = stream.gone() => false,
            _ = stop.wait_for(|stop| *stop) => false,
        }
    }

    #[cfg(feature = "tls")]
    async fn serve_tls(self, stream: TcpStream, acceptor: crate::tls::TlsAcceptor, ticket: Ticket) {
        if !self.admit(&ticket, Side::Outside, &stream).await {
            return;
        }
        let deadline = self.shared.config().limits.authentication;
        match acceptor.accept(stream, deadline).await {
            Ok(client) => {
                tracing::debug!(dn = client.dn, "the certificate is good");
                ticket.known();
                self.serve_rpc(client.stream, remote(), ticket).await;
            }
            Err(error) if self.shared.complaints.may_tell() => tracing::warn!("refused: {error}"),
            Err(error) => tracing::debug!("refused: {error}"),
        }
    }

    async fn serve_varlink(self, stream: UnixStream, origin: Origin, ticket: Ticket) {
        let mut stop = self.stop.subscribe();
        let is_let_in = tokio::select! {
            biased;
            is_let_in = self.lets_in(&origin, &ticket, &stream) => is_let_in,
            () = stream.gone() => return,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let shared = &self.shared;
        let (registry, counts) = (shared.registry.clone(), Arc::clone(&shared.counts));
        if is_let_in {
            let places = shared.large_frames(&origin);
            let rights = Rights::of(Arc::clone(shared), origin);
            crate::varlink::serve(stream, registry, rights, places, counts, stop).await;
        } else {
            tokio::select! {
                () = crate::varlink::deny(stream, registry, counts) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        drop(ticket);
    }

    /// Whether a client may come in that cannot say who it is by itself.
    #[cfg(feature = "polkit")]
    async fn lets_in(&self, origin: &Origin, ticket: &Ticket, stream: &UnixStream) -> bool {
        let Some(peer) = origin.peer.filter(|_| origin.has_to_authenticate()) else {
            return true;
        };
        if !self.admit(ticket, Side::Here, stream).await {
            return false;
        }
        let answer = self.shared.ask_polkit(&peer, origin.access).await;
        ticket.known();
        answer.is_ok()
    }

    /// Built without polkit, of which nobody can ask anything then.
    #[cfg(not(feature = "polkit"))]
    #[expect(clippy::unused_async, reason = "the same call as with polkit")]
    async fn lets_in(&self, origin: &Origin, _: &Ticket, _: &UnixStream) -> bool {
        !origin.has_to_authenticate()
    }
}

fn holder(peer: &Peer) -> Holder {
    if peer.is_own() { Holder::Own } else { Holder::User(peer.uid) }
}

/// Answers at once, and notices a client whose host has vanished.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    Ok(setsockopt(stream, sockopt::KeepAlive, &true)?)
}

/// A client from another host: what the network lets through may do everything.
const fn remote() -> Origin {
    Origin { access: Access::ReadWrite, auth: AuthScheme::None, peer: None }
}

fn is_about_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests;
