//! A client: one connection, one call at a time.

use std::fmt::Debug;
use std::io;
use std::path::Path;

use nodedev_types::DeviceName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zlink::Call;
use zlink::tokio::unix::{self, Connection};

use crate::message::{
    Action, Done, Explanation, Filter, Found, GetInfoReply, List, Named, Since, Sources, Wanted,
    WatchReply,
};
use crate::{Error, INTERFACE, SERVICE_INTERFACE};

/// A connection to a service.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers at that socket, or not to this user.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The service refused the call.
    #[error("{0}")]
    Refused(Error),
    /// This user may not do that.
    #[error("permission denied")]
    Denied,
    /// The service ended the connection.
    #[error("the service has closed the connection")]
    Closed,
    /// What came back is no answer to the call.
    #[error("the answer to {method} cannot be used: {reason}")]
    Unusable {
        /// The method called.
        method: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// A call as it goes over the wire.
#[derive(Debug, Serialize)]
struct Method<'a, P> {
    method: &'a str,
    parameters: P,
}

#[derive(Debug, Serialize)]
struct Nothing {}

impl Client {
    /// Connects to the socket at that path.
    ///
    /// # Errors
    ///
    /// [`ClientError::Connect`].
    pub async fn connect(socket: &Path) -> Result<Self, ClientError> {
        match unix::connect(socket).await {
            Ok(connection) => Ok(Self { connection }),
            Err(zlink::Error::Io(error)) => Err(ClientError::Connect(error)),
            Err(error) => Err(ClientError::Connect(io::Error::other(error.to_string()))),
        }
    }

    /// Who the service is. The only answer that does not wait for the first complete list.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn info(&mut self) -> Result<GetInfoReply, ClientError> {
        self.call(&format!("{SERVICE_INTERFACE}.GetInfo"), Nothing {}).await
    }

    /// The devices that the filter admits.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn list(&mut self, filter: &Filter) -> Result<List, ClientError> {
        self.call(&own("List"), filter).await
    }

    /// One device and its document.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] when no device has that name, or `inactive` is asked of one that is
    /// not persistent.
    pub async fn get(&mut self, name: &DeviceName, inactive: bool) -> Result<Found, ClientError> {
        let wanted = Wanted { name: name.clone(), inactive: inactive.then_some(true) };
        self.call(&own("Get"), wanted).await
    }

    /// For every field of a device: whose word it is.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] when no device has that name.
    pub async fn explain(&mut self, name: &DeviceName) -> Result<Explanation, ClientError> {
        self.call(&own("Explain"), Named { name: name.clone() }).await
    }

    /// How each source and the registry fare.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn sources(&mut self) -> Result<Sources, ClientError> {
        self.call(&own("Sources"), Nothing {}).await
    }

    /// Has something done; tells the name of the device to which it was done.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with what speaks against it, [`ClientError::Denied`] to who may not
    /// change devices.
    pub async fn act(&mut self, action: &Action) -> Result<Done, ClientError> {
        match action {
            Action::Define(what) => self.call(&own("Define"), what).await,
            Action::Create(what) => self.call(&own("Create"), what).await,
            Action::Start(device) => self.call(&own("Start"), device).await,
            Action::Stop(device) => self.call(&own("Stop"), device).await,
            Action::Undefine(device) => self.call(&own("Undefine"), device).await,
            Action::SetAutostart(what) => self.call(&own("SetAutostart"), what).await,
            Action::Update(what) => self.call(&own("Update"), what).await,
        }
    }

    /// Follows the list. The connection is the watch's from now on.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn watch(mut self, since: &Since) -> Result<Watch, ClientError> {
        self.send(&own("Watch"), since, true).await?;
        Ok(Watch { client: self })
    }

    async fn call<R>(
        &mut self,
        method: &str,
        parameters: impl Serialize + Debug,
    ) -> Result<R, ClientError>
    where
        R: DeserializeOwned + Debug,
    {
        self.send(method, parameters, false).await?;
        self.receive(method).await
    }

    async fn send(
        &mut self,
        method: &str,
        parameters: impl Serialize + Debug,
        more: bool,
    ) -> Result<(), ClientError> {
        let call = Call::new(Method { method, parameters }).set_more(more);
        let sent = self.connection.send_call(&call, Vec::new()).await;
        sent.map_err(|error| broken(method, error))
    }

    async fn receive<R>(&mut self, method: &str) -> Result<R, ClientError>
    where
        R: DeserializeOwned + Debug,
    {
        let received = self.connection.receive_reply::<R, Error>().await;
        let (reply, _) = received.map_err(|error| broken(method, error))?;
        let reply = reply.map_err(ClientError::Refused)?;
        let nothing = || unusable(method, "it has no parameters");
        reply.into_parameters().ok_or_else(nothing)
    }
}

/// The list as it changes.
#[derive(Debug)]
pub struct Watch {
    client: Client,
}

impl Watch {
    /// Waits for the next reply; the first comes at once. The future may be dropped without losing
    /// one.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; the watch is over then.
    pub async fn next(&mut self) -> Result<WatchReply, ClientError> {
        self.client.receive("Watch").await
    }
}

fn own(method: &str) -> String {
    format!("{INTERFACE}.{method}")
}

fn broken(method: &str, error: zlink::Error) -> ClientError {
    match error {
        zlink::Error::VarlinkService(error)
            if matches!(error.inner(), zlink::varlink_service::Error::PermissionDenied) =>
        {
            ClientError::Denied
        }
        zlink::Error::UnexpectedEof | zlink::Error::Io(_) => ClientError::Closed,
        error => unusable(method, &error.to_string()),
    }
}

fn unusable(method: &str, reason: &str) -> ClientError {
    ClientError::Unusable { method: method.to_owned(), reason: reason.to_owned() }
}
