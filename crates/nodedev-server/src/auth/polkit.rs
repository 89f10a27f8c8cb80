//! Asks polkit about the process at the other end of a unix socket.
//!
//! One connection to the bus is shared by all questions. It is made with the first one and again
//! after it broke. So many questions are asked at once, the others wait. Never starts a bus, polkit or an agent.

mod places;
mod question;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;
use zbus::Connection;
use zbus::connection::Builder;

use self::places::Places;
use self::question::Question;
use crate::peer::Peer;

/// The action of clients that may change things.
pub const MANAGE: &str = "org.libvirt.unix.manage";
/// The action of clients that may only look.
pub const MONITOR: &str = "org.libvirt.unix.monitor";

/// How long the bus may take to let us in. polkit itself may take any time: a person may be asked.
const CONNECT: Duration = Duration::from_secs(5);

/// Why a client may not come in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The rules or the person who was asked say no.
    #[error("polkit denies it")]
    Denied,
    /// The rules want a person to authenticate, and no agent is there to ask.
    #[error("polkit wants authentication and has no agent to ask for it")]
    NoAgent,
    /// The person who was asked closed the prompt.
    #[error("the prompt for authentication was dismissed")]
    Dismissed,
    /// Too many questions wait for their answers, of this user's processes or of all.
    #[error("polkit is not asked, because too many other questions wait for their answers")]
    Busy,
    /// Nobody could be asked, which is no yes.
    #[error("polkit cannot be asked: {0}")]
    Unavailable(String),
}

/// Asks polkit over one bus. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Polkit {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bus: Option<String>,
    connection: Mutex<Option<Arc<Connection>>>,
    questions: AtomicU64,
    places: Places,
}

impl Polkit {
    /// For polkit on the bus at that D-Bus address; `None` for the system bus. Connects later.
    #[must_use]
    pub fn new(bus: Option<String>) -> Self {
        let (connection, questions) = (Mutex::new(None), AtomicU64::new(0));
        let places = Places::new();
        Self { shared: Arc::new(Shared { bus, connection, questions, places }) }
    }

    /// Asks whether the process may do `action`, [`MANAGE`] or [`MONITOR`].
    ///
    /// May take minutes, while a person reads a prompt. Dropping the future takes the question back,
    /// so that the prompt disappears. No more than 64 questions wait for their answers at once, 16 of them
    /// about processes of one user; further ones are asked later, or not at all after 30 s.
    ///
    /// # Errors
    ///
    /// When the answer is not yes, whatever the reason.
    pub async fn check(&self, peer: &Peer, action: &str) -> Result<(), Refusal> {
        let question = Question::new(peer, action, self.next_id())?;
        let place = self.shared.places.enter(peer.uid).await.ok_or(Refusal::Busy)?;
        let place = Arc::new(place);
        let connection = self.connection(None).await?;
        match question.ask(&connection, &place).await {
            // The bus went away since the last question, or with this one.
            Err(error) if is_broken(&connection, &error) => {
                let fresh = self.connection(Some(&connection)).await?;
                understand(question.ask(&fresh, &place).await)
            }
            answer => understand(answer),
        }
    }

    /// The connection of all questions. Made where there is none, or only the broken one.
    async fn connection(
        &self,
        broken: Option<&Arc<Connection>>,
    ) -> Result<Arc<Connection>, Refusal> {
        let attempt = async {
            let mut held = self.shared.connection.lock().await;
            if let Some(connection) = held.as_ref().filter(|held| is_usable(held, broken)) {
                return Ok(Arc::clone(connection));
            }
            *held = None;
            let builder = match &self.shared.bus {
                Some(address) => Builder::address(address.as_str()),
                None => Builder::system(),
            };
            let connection = Arc::new(builder.build().await?);
            *held = Some(Arc::clone(&connection));
            Ok(connection)
        };
        match timeout(CONNECT, attempt).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(unavailable(&error)),
            Err(_) => Err(Refusal::Unavailable(format!("the bus is silent for {CONNECT:?}"))),
        }
    }

    /// Names a question among those of this process, so that it can be taken back.
    fn next_id(&self) -> String {
        let number = self.shared.questions.fetch_add(1, Ordering::Relaxed);
        format!("nodedev-{}-{number}", std::process::id())
    }
}

/// Whether it is open and not the broken one.
fn is_usable(held: &Arc<Connection>, broken: Option<&Arc<Connection>>) -> bool {
    !held.is_closed() && broken.is_none_or(|broken| !Arc::ptr_eq(held, broken))
}

/// zbus notices the end of a connection when it reads, which may be after a write failed.
fn is_broken(connection: &Connection, error: &zbus::Error) -> bool {
    connection.is_closed() || matches!(error, zbus::Error::InputOutput(_))
}

fn understand(answer: zbus::Result<question::Answer>) -> Result<(), Refusal> {
    let answer = answer.map_err(|error| unavailable(&error))?;
    if answer.authorized {
        return Ok(());
    }
    if answer.details.get("polkit.dismissed").is_some_and(|value| value == "true") {
        return Err(Refusal::Dismissed);
    }
    Err(if answer.challenge { Refusal::NoAgent } else { Refusal::Denied })
}

fn unavailable(error: &zbus::Error) -> Refusal {
    Refusal::Unavailable(error.to_string())
}
