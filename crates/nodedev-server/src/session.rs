//! What a connection has come to: who the client is, what it has opened, what it wants to hear.
//! Plain state; sockets and calls are elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
#[cfg(feature = "polkit")]
use std::time::Duration;

use nodedev_registry::Registry;
use nodedev_rpc::{AuthListReply, AuthType, List, TextReply};
use tokio::sync::{Semaphore, watch};

use crate::callbacks::Callbacks;
use crate::complaints::Complaints;
use crate::config::{AuthScheme, ServerConfig};
use crate::connection::places_for_threads;
use crate::counts::{Counts, Part};
#[cfg(feature = "polkit")]
use crate::dispatch::Effect;
use crate::dispatch::{self, Answered};
use crate::listener::Access;
use crate::peer::Peer;
use crate::shares::{Share, Shares};
use crate::varlink::METHODS;
use crate::virt_error::Failure;

/// Frames that are longer than a client may hold by itself, held at once by all clients together.
const LARGE_FRAMES: usize = 8;
/// How many of them may be one user's, root's and the daemon's own aside: some are held while polkit asks a
/// person.
const OF_ONE_USER: usize = LARGE_FRAMES / 4;

/// How long a person may take to answer polkit's prompt, the wait for its turn included. Until then the client has a place that
/// others could use.
#[cfg(feature = "polkit")]
const PROMPT: Duration = Duration::from_secs(300);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    config: watch::Receiver<Arc<ServerConfig>>,
    callbacks: AtomicI32,
    /// One place for each large frame that may arrive at the same time.
    large_frames: Shares,
    /// One permit for each thread that serves one client alone.
    pub(crate) lent: Arc<Semaphore>,
    /// What clients do wrong.
    pub(crate) complaints: Arc<Complaints>,
    /// What is counted for metrics.
    pub(crate) counts: Arc<Counts>,
    #[cfg(feature = "polkit")]
    polkit: crate::auth::polkit::Polkit,
}

impl Shared {
    pub(crate) fn new(registry: Registry, config: watch::Receiver<Arc<ServerConfig>>) -> Self {
        #[cfg(feature = "polkit")]
        let polkit = crate::auth::polkit::Polkit::new(config.borrow().polkit_bus.clone());
        Self {
            registry,
            config,
            callbacks: AtomicI32::new(0),
            large_frames: Shares::new(LARGE_FRAMES, OF_ONE_USER),
            lent: Arc::new(Semaphore::new(places_for_threads())),
            complaints: Arc::default(),
            counts: Arc::new(Counts::new(METHODS)),
            #[cfg(feature = "polkit")]
            polkit,
        }
    }

    /// The settings as they are now.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.borrow())
    }

    /// Where a client that came in there finds places for its large frames.
    pub(crate) fn large_frames(&self, origin: &Origin) -> Share {
        let guest = origin.peer.filter(|peer| !peer.is_own());
        self.large_frames.of(guest.map(|peer| peer.uid))
    }

    /// Asks polkit whether the process may do what the access needs. The answer may take minutes.
    #[cfg(feature = "polkit")]
    pub(crate) async fn ask_polkit(
        &self,
        peer: &Peer,
        access: Access,
    ) -> Result<(), crate::auth::polkit::Refusal> {
        use crate::auth::polkit::{MANAGE, MONITOR, Refusal};

        let action = if access == Access::ReadOnly { MONITOR } else { MANAGE };
        let answer = tokio::time::timeout(PROMPT, self.polkit.check(peer, action)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(Refusal::Unavailable(format!("nobody has answered in {PROMPT:?}")))
        });
        if let Err(refusal) = &answer
            && self.complaints.may_tell()
        {
            tracing::warn!(client = %peer, action, "refused: {refusal}");
        }
        answer
    }

    /// Whether a client that came in to look may also change something: the daemon's own user and root
    /// may, others as far as polkit is to be asked and says so. The answer may take minutes.
    pub(crate) async fn may_change(&self, origin: &Origin) -> Result<(), Denial> {
        let peer = origin.peer.ok_or(Denial::Forbidden)?;
        if peer.is_own() {
            return Ok(());
        }
        #[cfg(feature = "polkit")]
        if origin.auth == AuthScheme::Polkit {
            return self.ask_polkit(&peer, Access::ReadWrite).await.map_err(Denial::from);
        }
        Err(Denial::Forbidden)
    }

    /// A number that no callback of this daemon has had.
    pub(crate) fn next_callback(&self) -> i32 {
        self.callbacks.fetch_add(1, Ordering::Relaxed)
    }
}

/// Why a client may not change anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// It has no right to.
    Forbidden,
    /// Nobody was asked whether it has: too many others wait to hear that.
    #[cfg(feature = "polkit")]
    Busy(String),
}

#[cfg(feature = "polkit")]
impl From<crate::auth::polkit::Refusal> for Denial {
    fn from(refusal: crate::auth::polkit::Refusal) -> Self {
        match refusal {
            busy @ crate::auth::polkit::Refusal::Busy => Self::Busy(busy.to_string()),
            _ => Self::Forbidden,
        }
    }
}

/// What is known of a client from the door through which it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) access: Access,
    pub(crate) auth: AuthScheme,
    /// The process at the other end, of a unix socket.
    pub(crate) peer: Option<Peer>,
}

impl Origin {
    /// Whether the client counts among the unknown ones. Root does not: it is let in by asking.
    pub(crate) fn has_to_authenticate(&self) -> bool {
        self.auth != AuthScheme::None && self.peer.is_none_or(|peer| peer.uid != 0)
    }
}

/// One connection's state.
#[derive(Debug)]
pub(crate) struct Session {
    origin: Origin,
    authenticated: bool,
    opened: Option<Opened>,
    ended: bool,
    /// polkit is being asked.
    #[cfg(feature = "polkit")]
    asking: bool,
    /// The client answers pings.
    pub(crate) wants_pings: bool,
    pub(crate) callbacks: Callbacks,
}

#[derive(Debug)]
struct Opened {
    uri: String,
    read_only: bool,
}

impl Session {
    /// `pending` is its part of the events that wait.
    pub(crate) fn new(origin: Origin, event_limit: usize, pending: Part) -> Self {
        Self {
            origin,
            authenticated: origin.auth == AuthScheme::None,
            opened: None,
            ended: false,
            #[cfg(feature = "polkit")]
            asking: false,
            wants_pings: false,
            callbacks: Callbacks::new(event_limit, pending),
        }
    }

    pub(crate) const fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    #[cfg(feature = "polkit")]
    pub(crate) const fn authenticate(&mut self) {
        self.authenticated = true;
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Whether nothing may be changed through it: because of its socket, or by its own wish.
    pub(crate) fn is_read_only(&self) -> bool {
        self.origin.access == Access::ReadOnly
            || self.opened.as_ref().is_none_or(|opened| opened.read_only)
    }

    pub(crate) fn open(&mut self, uri: String, read_only: bool) {
        self.opened = Some(Opened { uri, read_only });
    }

    /// The URI as it was opened.
    pub(crate) fn uri(&self) -> TextReply {
        TextReply {
            value: self.opened.as_ref().map(|opened| opened.uri.clone()).unwrap_or_default(),
        }
    }

    /// The client wants no more; what has been answered is still to be sent.
    pub(crate) const fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the client may speak for others: it is root's, or of the daemon's own user.
    pub(crate) fn is_trusted(&self) -> bool {
        let own = nix::unistd::geteuid().as_raw();
        self.origin.peer.is_some_and(|peer| peer.uid == 0 || peer.uid == own)
    }

    /// Whether the client does nothing but look: it is known, and hears of no events.
    pub(crate) fn only_looks(&self) -> bool {
        self.authenticated && self.is_open() && !self.ended && self.callbacks.is_empty()
    }

    /// Which authentication is needed. Root needs none, but counts as known only after asking.
    pub(crate) fn auth_types(&mut self) -> AuthListReply {
        if self.origin.peer.is_some_and(|peer| peer.uid == 0) {
            self.authenticated = true;
        }
        let offered = if self.authenticated { AuthType::None } else { AuthType::Polkit };
        AuthListReply { types: List(vec![offered]) }
    }

    /// Asks polkit; the answer may take minutes. One question at a time.
    #[cfg(feature = "polkit")]
    pub(crate) fn ask_polkit(&mut self, shared: &Arc<Shared>) -> Result<Answered, Failure> {
        let Origin { access, auth: AuthScheme::Polkit, peer: Some(peer) } = self.origin else {
            return Err(dispatch::no_such_authentication());
        };
        if std::mem::replace(&mut self.asking, true) {
            return Err(crate::virt_error::internal("polkit is being asked already"));
        }
        let shared = Arc::clone(shared);
        Ok(Answered::Later(Box::pin(async move {
            match shared.ask_polkit(&peer, access).await {
                Ok(()) => (Ok(dispatch::polkit_agrees()), Effect::Authenticated),
                Err(refusal) => (Err(crate::virt_error::from_polkit(&refusal)), Effect::Refused),
            }
        })))
    }

    /// polkit has said no; it may be asked again.
    #[cfg(feature = "polkit")]
    pub(crate) const fn refuse(&mut self) {
        self.asking = false;
    }

    /// Built without polkit.
    #[cfg(not(feature = "polkit"))]
    #[expect(clippy::unused_self, reason = "the same call as with polkit")]
    pub(crate) fn ask_polkit(&self, _: &Arc<Shared>) -> Result<Answered, Failure> {
        Err(dispatch::no_such_authentication())
    }
}
