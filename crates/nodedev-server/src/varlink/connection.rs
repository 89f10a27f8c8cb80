//! One client: its calls in their order, and the answer to each.

use std::sync::Arc;

use nodedev_registry::Registry;
use nodedev_varlink::answer::{self, Follower};
use nodedev_varlink::{
    DESCRIPTION, Error, GetInfoReply, INTERFACE, SERVICE_DESCRIPTION, SERVICE_INTERFACE, Since,
};
use serde::Serialize;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use zlink::{Call, Reply, varlink_service};

use super::Rights;
use super::call::{Method, Refusal, Request, invalid, no_interface};
use super::frame::{Calls, End, Replies};
use crate::counts::Counts;

#[derive(Debug)]
pub(super) struct Connection {
    calls: Calls,
    replies: Replies,
    registry: Registry,
    counts: Arc<Counts>,
}

#[derive(Debug, Serialize)]
struct Described {
    description: &'static str,
}

impl Connection {
    /// Without `places` for long calls none is taken.
    pub(super) fn new(
        stream: UnixStream,
        registry: Registry,
        places: Option<Arc<Semaphore>>,
        counts: Arc<Counts>,
    ) -> Self {
        let (read, write) = stream.into_split();
        Self { calls: Calls::new(read, places), replies: Replies::new(write), registry, counts }
    }

    /// Answers until the client has nothing more to ask.
    pub(super) async fn run(mut self, rights: &Rights) -> Result<(), End> {
        while let Some(message) = self.calls.next().await? {
            let call: Call<Request> = serde_json::from_slice(&message).map_err(End::NotACall)?;
            let (begun, method) = (Instant::now(), call.method().name());
            let answered = self.answer(call, rights).await;
            // What ends the connection is no answer, a watch's end included.
            if !matches!(answered, Err(Stop::Over(_))) {
                self.counts.varlink(method, begun.elapsed(), answered.is_err());
            }
            match answered {
                Ok(()) => {}
                Err(Stop::Refused(Refusal::Own(error))) => {
                    self.replies.send(&error).await?;
                    if error == Error::Ended {
                        return Err(End::Registry);
                    }
                }
                Err(Stop::Refused(Refusal::Service(error))) => self.replies.send(&error).await?,
                Err(Stop::Over(end)) => return Err(end),
            }
        }
        Ok(())
    }

    /// Refuses the first call, whatever it asks.
    pub(super) async fn deny(mut self) -> Result<(), End> {
        if self.calls.next().await?.is_some() {
            self.replies.send(&varlink_service::Error::PermissionDenied).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, call: Call<Request>, rights: &Rights) -> Result<(), Stop> {
        let (oneway, more) = (call.oneway(), call.more());
        if oneway {
            // An action whose end nobody wants to know is not begun; all else does nothing but answer.
            return Ok(());
        }
        if call.upgrade() {
            return Err(invalid("upgrade").into());
        }
        match call.method().method()? {
            Method::Info => Ok(self.reply(&info()).await?),
            Method::Description { interface } => {
                Ok(self.reply(&Described { description: description(&interface)? }).await?)
            }
            Method::Act(action) => {
                if !rights.may_change().await {
                    return Err(Refusal::from(varlink_service::Error::PermissionDenied).into());
                }
                self.registry.ready().await;
                let done = answer::act(&self.registry, &action).await?;
                Ok(self.reply(&done).await?)
            }
            Method::Watch(_) if !more => {
                Err(Refusal::from(varlink_service::Error::ExpectedMore).into())
            }
            method => {
                self.registry.ready().await;
                self.answer_from_registry(method).await
            }
        }
    }

    async fn answer_from_registry(&mut self, method: Method) -> Result<(), Stop> {
        let registry = &self.registry;
        match method {
            Method::List(filter) => {
                let list = answer::list(registry, &filter);
                self.reply(&list).await?;
            }
            Method::Get(wanted) => {
                let inactive = wanted.inactive.unwrap_or_default();
                let found = answer::get(registry, &wanted.name, inactive).await?;
                self.reply(&found).await?;
            }
            Method::Explain(named) => {
                let explanation = answer::explain(registry, &named.name).await?;
                self.reply(&explanation).await?;
            }
            Method::Sources => {
                let sources = answer::sources(registry);
                self.reply(&sources).await?;
            }
            Method::Watch(since) => return Err(self.watch(&since).await),
            Method::Info | Method::Description { .. } | Method::Act(_) => {}
        }
        Ok(())
    }

    async fn reply(&mut self, parameters: &impl Serialize) -> Result<(), End> {
        self.replies.send(&Reply::new(Some(parameters))).await
    }

    /// Tells what happens until the client or the registry goes.
    async fn watch(&mut self, since: &Since) -> Stop {
        let mut follower = Follower::new(&self.registry, since);
        loop {
            let reply = tokio::select! {
                reply = follower.next() => reply,
                call = self.calls.next() => return Stop::Over(match call {
                    Ok(None) => End::Gone,
                    Ok(Some(_)) => End::BehindAWatch,
                    Err(end) => end,
                }),
            };
            let Some(reply) = reply else { return Error::Ended.into() };
            let reply = Reply::new(Some(reply)).set_continues(Some(true));
            if let Err(end) = self.replies.send(&reply).await {
                return Stop::Over(end);
            }
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
enum Stop {
    Refused(Refusal),
    Over(End),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::Over(end)
    }
}

fn info() -> GetInfoReply {
    GetInfoReply {
        vendor: "nodedev".to_owned(),
        product: "nodedevd".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        url: env!("CARGO_PKG_REPOSITORY").to_owned(),
        interfaces: vec![SERVICE_INTERFACE.to_owned(), INTERFACE.to_owned()],
    }
}

fn description(interface: &str) -> Result<&'static str, Refusal> {
    match interface {
        INTERFACE => Ok(DESCRIPTION),
        SERVICE_INTERFACE => Ok(SERVICE_DESCRIPTION),
        other => Err(no_interface(other)),
    }
}
