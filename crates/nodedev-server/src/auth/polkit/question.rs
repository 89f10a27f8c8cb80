//! One question to polkit: `CheckAuthorization`, and `CancelCheckAuthorization` when nobody waits
//! for the answer any more. A question keeps its place until it is answered, or taken back.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use zbus::Connection;
use zbus::Variant;

use super::Refusal;
use super::places::Place;
use crate::peer::Peer;

const SERVICE: &str = "org.freedesktop.PolicyKit1";
const PATH: &str = "/org/freedesktop/PolicyKit1/Authority";
const INTERFACE: &str = "org.freedesktop.PolicyKit1.Authority";
/// polkit may ask a person.
const ALLOW_USER_INTERACTION: u32 = 1;

/// How long polkit may take to confirm that a question is taken back.
const TAKE_BACK: Duration = Duration::from_secs(5);

/// What polkit says.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) authorized: bool,
    /// A person would have to authenticate, and none can be asked.
    pub(super) challenge: bool,
    pub(super) details: HashMap<String, String>,
}

/// May this process do that?
#[derive(Debug, Clone)]
pub(super) struct Question {
    pid: u32,
    start_time: u64,
    uid: i32,
    action: String,
    id: String,
}

impl Question {
    /// Fails for a process that is not known well enough to be named beyond doubt.
    pub(super) fn new(peer: &Peer, action: &str, id: String) -> Result<Self, Refusal> {
        let unknown = |what: &str| Refusal::Unavailable(format!("{peer} {what}"));
        let start_time = peer.start_time.ok_or_else(|| unknown("has ended or is out of sight"))?;
        let pid = u32::try_from(peer.pid).map_err(|_| unknown("has no usable process id"))?;
        // polkit takes signed ids; the bits are the same.
        let uid = peer.uid.cast_signed();
        Ok(Self { pid, start_time, uid, action: action.to_owned(), id })
    }

    /// Asks, and takes the question back when the future is dropped.
    pub(super) async fn ask(
        &self,
        connection: &Connection,
        place: &Arc<Place>,
    ) -> zbus::Result<Answer> {
        let (waiting, answer) = oneshot::channel();
        let (question, bus, place) = (self.clone(), connection.clone(), Arc::clone(place));
        // A task of its own: a message that is dropped half written would ruin the connection.
        tokio::spawn(async move {
            question.ask_for(waiting, &bus).await;
            // Not before: there are no more of these tasks than places.
            drop(place);
        });
        answer.await.unwrap_or_else(|end| Err(zbus::Error::Failure(end.to_string())))
    }

    /// Asks as long as somebody waits, then takes the question back. It is always asked first: polkit knows
    /// nothing of one that comes after its end.
    async fn ask_for(&self, mut waiting: Waiting, connection: &Connection) {
        if waiting.is_closed() {
            return;
        }
        let mut call = pin!(self.call(connection));
        let answer = tokio::select! {
            biased;
            answer = &mut call => Some(answer),
            () = waiting.closed() => None,
        };
        if let Some(answer) = answer {
            // Who waited may have gone.
            let _ = waiting.send(answer);
            return;
        }
        let end = async {
            if let Err(error) = take_back(connection, &self.id).await {
                tracing::debug!(%error, self.id, "cannot take a question to polkit back");
            }
        };
        // The question goes on being written where it was not yet; its answer is nobody's.
        let (answered, mut end) = (async { drop(call.await) }, pin!(end));
        tokio::select! {
            () = &mut end => {}
            () = answered => end.await,
        }
    }

    async fn call(&self, connection: &Connection) -> zbus::Result<Answer> {
        let process = HashMap::from([
            ("pid", Variant::from(self.pid)),
            ("start-time", Variant::from(self.start_time)),
            ("uid", Variant::from(self.uid)),
        ]);
        let subject = ("unix-process", process);
        let details = HashMap::<&str, &str>::new();
        let call =
            (subject, self.action.as_str(), details, ALLOW_USER_INTERACTION, self.id.as_str());
        let reply = connection
            .call_method(Some(SERVICE), PATH, Some(INTERFACE), "CheckAuthorization", &call)
            .await?;
        let body = reply.body();
        let ((authorized, challenge, details),) = body.deserialize()?;
        Ok(Answer { authorized, challenge, details })
    }
}

/// Whoever waits for the answer.
type Waiting = oneshot::Sender<zbus::Result<Answer>>;

async fn take_back(connection: &Connection, id: &str) -> zbus::Result<()> {
    let (method, call) = ("CancelCheckAuthorization", (id,));
    let end = connection.call_method(Some(SERVICE), PATH, Some(INTERFACE), method, &call);
    match timeout(TAKE_BACK, end).await {
        Ok(end) => end.map(drop),
        Err(_) => Err(zbus::Error::Failure(format!("polkit is silent for {TAKE_BACK:?}"))),
    }
}
