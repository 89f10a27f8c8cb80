//! The list of a daemon, over its varlink socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nodedev_types::DeviceName;
use nodedev_varlink::{
    self as varlink, Action, Client, ClientError, Done, Explanation, Filter, Found, List, Since,
    Sources, WatchReply,
};

use crate::status::Failure;

/// How long a daemon may take to say who it is, which needs no waiting for devices.
const INTRODUCE: Duration = Duration::from_secs(5);

/// A connection to a daemon.
#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
    socket: PathBuf,
    /// Name and version.
    product: String,
}

impl Remote {
    /// Connects to the daemon that must be there.
    pub(crate) async fn open(socket: &Path) -> Result<Self, Failure> {
        let client = Client::connect(socket).await.map_err(|error| broken(socket, error))?;
        Self::introduce(client, socket).await
    }

    /// Connects to the daemon if there is one for us.
    pub(crate) async fn find(socket: &Path) -> Result<Option<Self>, Failure> {
        match Client::connect(socket).await {
            Ok(client) => Self::introduce(client, socket).await.map(Some),
            Err(ClientError::Connect(_)) => Ok(None),
            Err(error) => Err(broken(socket, error)),
        }
    }

    /// Connects to the daemon that answers now where this one did.
    pub(crate) async fn again(&self) -> Result<Self, Failure> {
        Self::open(&self.socket).await
    }

    async fn introduce(mut client: Client, socket: &Path) -> Result<Self, Failure> {
        let Ok(info) = tokio::time::timeout(INTRODUCE, client.info()).await else {
            let socket = socket.display();
            return Err(Failure::Other(format!("{socket}: no answer within {INTRODUCE:?}")));
        };
        let info = info.map_err(|error| broken(socket, error))?;
        let product = format!("{} {}", info.product, info.version);
        tracing::debug!("{product} answers at {}", socket.display());
        Ok(Self { client, socket: socket.to_owned(), product })
    }

    pub(crate) async fn list(&mut self, filter: &Filter) -> Result<List, Failure> {
        self.client.list(filter).await.map_err(|error| broken(&self.socket, error))
    }

    pub(crate) async fn device(
        &mut self,
        name: &DeviceName,
        inactive: bool,
    ) -> Result<Found, Failure> {
        self.client.get(name, inactive).await.map_err(|error| broken(&self.socket, error))
    }

    pub(crate) async fn explain(&mut self, name: &DeviceName) -> Result<Explanation, Failure> {
        self.client.explain(name).await.map_err(|error| broken(&self.socket, error))
    }

    pub(crate) async fn sources(&mut self) -> Result<Sources, Failure> {
        self.client.sources().await.map_err(|error| broken(&self.socket, error))
    }

    pub(crate) async fn act(&mut self, action: &Action) -> Result<Done, Failure> {
        self.client.act(action).await.map_err(|error| broken(&self.socket, error))
    }

    /// Follows the list over a connection of its own.
    pub(crate) async fn watch(&self) -> Result<Watch, Failure> {
        let broken = |error| broken(&self.socket, error);
        let client = Client::connect(&self.socket).await.map_err(broken)?;
        let watch = client.watch(&Since::default()).await.map_err(broken)?;
        Ok(Watch { watch, socket: self.socket.clone() })
    }

    pub(crate) fn who(&self) -> String {
        format!("{} at {}", self.product, self.socket.display())
    }
}

/// Follows the daemon's list.
#[derive(Debug)]
pub(crate) struct Watch {
    watch: varlink::Watch,
    socket: PathBuf,
}

impl Watch {
    pub(crate) async fn next(&mut self) -> Result<WatchReply, Failure> {
        self.watch.next().await.map_err(|error| broken(&self.socket, error))
    }
}

fn broken(socket: &Path, error: ClientError) -> Failure {
    match error {
        ClientError::Refused(varlink::Error::Ended) => {
            Failure::Other(format!("{}: the daemon has ended", socket.display()))
        }
        // Also what a daemon does to one who does not read.
        ClientError::Closed => {
            Failure::Other(format!("{}: the daemon has ended the connection", socket.display()))
        }
        ClientError::Denied => Failure::Other(format!(
            "{}: permission denied: root may, others as polkit allows them",
            socket.display()
        )),
        ClientError::Refused(refused) => refused.into(),
        error => Failure::other(&socket.display().to_string(), error),
    }
}
