//! One client: its calls in their order, and the answer to each.

use std::sync::Arc;

use bytes::Bytes;
use nodedev_registry::Registry;
use nodedev_varlink::answer::{self, Follower};
use nodedev_varlink::{
    DESCRIPTION, Error, GetInfoReply, INTERFACE, SERVICE_DESCRIPTION, SERVICE_INTERFACE, Since,
};
use serde::Serialize;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use zlink::{Call, Reply, varlink_service};

use super::Rights;
use super::call::{Method, Refusal, Request, invalid, no_interface};
use super::frame::{ARRIVE, Calls, End, Replies};
use crate::counts::Counts;
use crate::session::Denial;
use crate::shares::Share;

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
        places: Option<Share>,
        counts: Arc<Counts>,
    ) -> Self {
        let (read, write) = stream.into_split();
        Self { calls: Calls::new(read, places), replies: Replies::new(write), registry, counts }
    }

    /// Answers until the client has nothing more to ask.
    pub(super) async fn run(
        mut self,
        rights: &Rights,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), End> {
        while let Some(message) = self.next_call(&mut stop).await? {
            let call: Call<Request> = serde_json::from_slice(&message).map_err(End::NotACall)?;
            drop(message);
            let (begun, method) = (Instant::now(), call.method().name());
            let refusal = match self.answer(call, rights, &mut stop).await {
                Ok(()) => None,
                Err(Stop::Refused(refusal)) => Some(refusal),
                // What ends the connection is no answer, a watch's end included.
                Err(Stop::Over(end)) => return Err(end),
            };
            if let Some(refusal) = &refusal {
                self.replies.put(refusal)?;
            }
            // Whoever reads slowly holds no place meanwhile.
            self.calls.release();
            self.counts.varlink(method, begun.elapsed(), refusal.is_some());
            self.replies.send().await?;
            if matches!(refusal, Some(Refusal::Own(Error::Ended))) {
                return Err(End::Registry);
            }
        }
        Ok(())
    }

    /// The next call, unless no more are to be answered.
    async fn next_call(&mut self, stop: &mut watch::Receiver<bool>) -> Result<Option<Bytes>, End> {
        tokio::select! {
            biased;
            () = stopped(stop) => Ok(None),
            call = self.calls.next() => call,
        }
    }

    /// Refuses the first call, whatever it asks. Who may not ask keeps no place by silence.
    pub(super) async fn deny(mut self) -> Result<(), End> {
        let call = timeout(ARRIVE, self.calls.next()).await;
        if call.map_err(|_| End::Silent)??.is_some() {
            self.replies.put(&varlink_service::Error::PermissionDenied)?;
            self.replies.send().await?;
        }
        Ok(())
    }

    /// Puts the reply, if there is one. Nothing of the call is left afterwards.
    async fn answer(
        &mut self,
        call: Call<Request>,
        rights: &Rights,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Stop> {
        let (oneway, more) = (call.oneway(), call.more());
        if oneway {
            // An action whose end nobody wants to know is not begun; all else does nothing but answer.
            return Ok(());
        }
        if call.upgrade() {
            return Err(invalid("upgrade").into());
        }
        let method = call.method().method()?;
        drop(call);
        match method {
            Method::Info => Ok(self.reply(&info())?),
            Method::Description { interface } => {
                Ok(self.reply(&Described { description: description(&interface)? })?)
            }
            Method::Act(action) => {
                self.before(rights.may_change(), stop).await?.map_err(denied)?;
                self.before(self.registry.ready(), stop).await?;
                // What has begun goes on without the client.
                let done = self.unless_gone(answer::act(&self.registry, &action)).await??;
                Ok(self.reply(&done)?)
            }
            Method::Watch(_) if !more => {
                Err(Refusal::from(varlink_service::Error::ExpectedMore).into())
            }
            method => {
                self.before(self.registry.ready(), stop).await?;
                self.answer_from_registry(method, stop).await
            }
        }
    }

    async fn answer_from_registry(
        &mut self,
        method: Method,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Stop> {
        let registry = &self.registry;
        match method {
            Method::List(filter) => {
                let list = answer::list(registry, &filter);
                self.reply(&list)?;
            }
            Method::Get(wanted) => {
                let inactive = wanted.inactive.unwrap_or_default();
                let found = answer::get(registry, &wanted.name, inactive);
                let found = self.unless_gone(found).await??;
                self.reply(&found)?;
            }
            Method::Explain(named) => {
                let explanation = answer::explain(registry, &named.name);
                let explanation = self.unless_gone(explanation).await??;
                self.reply(&explanation)?;
            }
            Method::Sources => {
                let sources = answer::sources(registry);
                self.reply(&sources)?;
            }
            Method::Watch(since) => return Err(self.watch(since, stop).await),
            Method::Info | Method::Description { .. } | Method::Act(_) => {}
        }
        Ok(())
    }

    /// What comes of that wait, unless the client or the server goes before. Nothing has been begun.
    async fn before<T>(
        &self,
        wait: impl Future<Output = T>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<T, Stop> {
        tokio::select! {
            biased;
            done = self.unless_gone(wait) => Ok(done?),
            () = stopped(stop) => Err(Error::Ended.into()),
        }
    }

    /// What comes of that wait, unless the client goes before.
    async fn unless_gone<T>(&self, wait: impl Future<Output = T>) -> Result<T, End> {
        tokio::select! {
            biased;
            done = wait => Ok(done),
            () = self.calls.gone() => Err(End::Gone),
        }
    }

    fn reply(&mut self, parameters: &impl Serialize) -> Result<(), End> {
        self.replies.put(&Reply::new(Some(parameters)))
    }

    /// Tells what happens until the client, the registry or the server goes.
    async fn watch(&mut self, since: Since, stop: &mut watch::Receiver<bool>) -> Stop {
        let mut follower = Follower::new(&self.registry, &since);
        drop(since);
        self.calls.release();
        loop {
            let reply = tokio::select! {
                reply = follower.next() => reply,
                end = self.calls.end_of_silence() => return end.into(),
                () = stopped(stop) => None,
            };
            let Some(reply) = reply else { return Error::Ended.into() };
            let reply = Reply::new(Some(reply)).set_continues(Some(true));
            if let Err(end) = self.replies.put(&reply) {
                return end.into();
            }
            drop(reply);
            if let Err(end) = self.replies.send().await {
                return end.into();
            }
        }
    }
}

/// Waits for the word to stop, or for everyone to be gone who could give it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
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

fn denied(denial: Denial) -> Refusal {
    match denial {
        Denial::Forbidden => varlink_service::Error::PermissionDenied.into(),
        #[cfg(feature = "polkit")]
        Denial::Busy(reason) => Error::ActionRefused { reason }.into(),
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
