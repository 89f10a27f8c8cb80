//! Clients that have to be asked about, and go before anybody has answered; and what of a user's is left to others.

#![cfg(feature = "polkit")]

use std::os::unix::net::UnixListener;

use nodedev_source::Presence;
use nodedev_source_testkit::ScriptedSource;
use nodedev_types::FieldSet;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;

/// A process of a user about whom polkit has to be asked.
const PEER: Peer = Peer { pid: 4711, uid: 4_000_000_000, gid: 1, start_time: Some(1) };
/// The silence after which a bus is given up.
const SILENT: Duration = Duration::from_secs(5);

/// A server whose bus takes connections and never says anything.
struct Rig {
    server: Server,
    _bus: (TempDir, UnixListener),
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        let bus = UnixListener::bind(&path).unwrap();
        let (source, _) = ScriptedSource::new("udev", Presence::Active, FieldSet::new());
        let registry = Registry::builder().source(source).start().unwrap();
        let mut config = ServerConfig::default();
        config.limits.anonymous_clients = 1;
        config.polkit_bus = Some(format!("unix:path={}", path.display()));
        Self { server: Server::new(registry, config), _bus: (folder, bus) }
    }

    /// A place of the user's.
    async fn ticket(&self) -> Ticket {
        self.server.rooms.enter(holder(&PEER)).await.unwrap()
    }

    /// A client over varlink.
    async fn varlink(&self) -> (UnixStream, JoinHandle<()>) {
        let origin =
            Origin { access: Access::ReadOnly, auth: AuthScheme::Polkit, peer: Some(PEER) };
        let (ours, theirs) = UnixStream::pair().unwrap();
        let served = self.server.clone().serve_varlink(theirs, origin, self.ticket().await);
        (ours, tokio::spawn(served))
    }

    /// A client over RPC.
    async fn rpc(&self) -> (UnixStream, JoinHandle<()>) {
        let origin =
            Origin { access: Access::ReadWrite, auth: AuthScheme::Polkit, peer: Some(PEER) };
        let (ours, theirs) = UnixStream::pair().unwrap();
        let served = self.server.clone().serve_rpc(theirs, origin, self.ticket().await);
        (ours, tokio::spawn(served))
    }

    /// How long it takes until a client that goes now has left its place.
    async fn leaves(&self, (client, served): (UnixStream, JoinHandle<()>)) -> Duration {
        // It waits by now.
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!served.is_finished());
        let (begun, before) = (Instant::now(), *self.server.clients().borrow());
        drop(client);
        timeout(Duration::from_secs(600), served).await.unwrap().unwrap();
        assert_eq!(*self.server.clients().borrow(), before - 1);
        begun.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn who_goes_while_polkit_is_asked_leaves_its_place_at_once() {
    let rig = Rig::new();
    let client = rig.varlink().await;
    let took = rig.leaves(client).await;
    assert!(took < SILENT / 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_goes_while_others_have_the_places_of_the_unknown_leaves_its_own() {
    let rig = Rig::new();
    let first = rig.ticket().await;
    first.wait_as_unknown(Side::Here).await;
    for client in [rig.varlink().await, rig.rpc().await] {
        let took = rig.leaves(client).await;
        assert!(took < SILENT / 2, "{took:?}");
    }
}

#[tokio::test]
async fn a_users_long_frames_leave_places_to_others() {
    let rig = Rig::new();
    let places = |peer: Option<Peer>| {
        let origin = Origin { access: Access::ReadOnly, auth: AuthScheme::Polkit, peer };
        let share = rig.server.shared.large_frames(&origin);
        std::iter::from_fn(|| share.free_place()).collect::<Vec<_>>()
    };
    let guest = places(Some(PEER));
    assert_eq!((guest.len(), places(Some(PEER)).len()), (2, 0));
    assert_eq!(places(Some(Peer { uid: 1, ..PEER })).len(), 2);
    assert_eq!(places(Some(Peer { uid: 0, ..PEER })).len(), 6);
    assert_eq!(places(None).len(), 6);
}
