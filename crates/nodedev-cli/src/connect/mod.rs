//! Where the list comes from: a daemon, or the sources or a recording run in this process. Nobody else knows which.

mod local;
mod remote;

use std::path::{Path, PathBuf};

use nodedev_types::DeviceName;
use nodedev_varlink::{
    Action, Done, Explanation, Filter, Found, INTERFACE, List, Sources, WatchReply,
};

pub(crate) use self::local::{CLOSE, Local, driver_config, read_recording};
use self::remote::Remote;
use crate::args::{Args, Connect};
use crate::output::Output;
use crate::status::Failure;

/// An open list.
#[derive(Debug)]
pub(crate) enum Connection {
    Local(Local),
    Remote(Box<Remote>),
}

impl Connection {
    /// Opens the list that the command line asks for.
    pub(crate) async fn open(args: &Args, output: &Output) -> Result<Self, Failure> {
        match args.where_to_connect() {
            Connect::None => Ok(Self::Local(Local::open(args).await?)),
            Connect::Socket(socket) => Ok(Self::Remote(Box::new(Remote::open(&socket).await?))),
            Connect::Replay(file) => Ok(Self::Local(Local::replay(&file, output).await?)),
            Connect::Auto => match first_that_answers(output).await {
                Some(remote) => Ok(Self::Remote(Box::new(remote))),
                None => Ok(Self::Local(Local::open(args).await?)),
            },
        }
    }

    /// The list of a registry that runs.
    pub(crate) const fn of(local: Local) -> Self {
        Self::Local(local)
    }

    /// The devices that the filter admits.
    pub(crate) async fn list(&mut self, filter: &Filter) -> Result<List, Failure> {
        match self {
            Self::Local(local) => Ok(local.list(filter)),
            Self::Remote(remote) => remote.list(filter).await,
        }
    }

    /// One device, read again, with its document.
    pub(crate) async fn device(
        &mut self,
        name: &DeviceName,
        inactive: bool,
    ) -> Result<Found, Failure> {
        match self {
            Self::Local(local) => local.device(name, inactive).await,
            Self::Remote(remote) => remote.device(name, inactive).await,
        }
    }

    /// For every field of a device: whose word it is.
    pub(crate) async fn explain(&mut self, name: &DeviceName) -> Result<Explanation, Failure> {
        match self {
            Self::Local(local) => local.explain(name).await,
            Self::Remote(remote) => remote.explain(name).await,
        }
    }

    /// How each source and the registry fare.
    pub(crate) async fn sources(&mut self) -> Result<Sources, Failure> {
        match self {
            Self::Local(local) => Ok(local.sources()),
            Self::Remote(remote) => remote.sources().await,
        }
    }

    /// Has something done; the list shows it then.
    pub(crate) async fn act(&mut self, action: &Action) -> Result<Done, Failure> {
        match self {
            Self::Local(local) => local.act(action).await,
            Self::Remote(remote) => remote.act(action).await,
        }
    }

    /// Follows the list from now on.
    pub(crate) async fn watch(&self) -> Result<Watch, Failure> {
        match self {
            Self::Local(local) => Ok(Watch::Local(local.watch())),
            Self::Remote(remote) => Ok(Watch::Remote(remote.watch().await?)),
        }
    }

    /// Who answers, for people.
    pub(crate) fn who(&self) -> String {
        match self {
            Self::Local(local) => local.who(),
            Self::Remote(remote) => remote.who(),
        }
    }

    /// Whether who answers can go and come back.
    pub(crate) const fn can_return(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// Asks again whoever answered before.
    pub(crate) async fn reopen(&mut self) -> Result<(), Failure> {
        if let Self::Remote(remote) = self {
            **remote = remote.again().await?;
        }
        Ok(())
    }

    pub(crate) async fn close(self) {
        if let Self::Local(local) = self {
            local.close().await;
        }
    }
}

/// The list as it changes.
#[derive(Debug)]
pub(crate) enum Watch {
    Local(local::Watch),
    Remote(remote::Watch),
}

impl Watch {
    /// Waits for what happens next; the first reply is there at once. The future may be dropped
    /// without losing anything.
    pub(crate) async fn next(&mut self) -> Result<WatchReply, Failure> {
        match self {
            Self::Local(watch) => watch.next().await,
            Self::Remote(watch) => watch.next().await,
        }
    }
}

/// The first daemon that is there. One that is there and does not answer is worth a word.
async fn first_that_answers(output: &Output) -> Option<Remote> {
    for socket in usual_sockets() {
        match Remote::find(&socket).await {
            Ok(Some(remote)) => return Some(remote),
            Ok(None) => tracing::debug!("nobody listens at {}", socket.display()),
            Err(failure) => output.warning(format_args!("{failure}; looking for the devices here")),
        }
    }
    None
}

/// Where daemons listen.
pub(crate) fn usual_sockets() -> Vec<PathBuf> {
    let is_root = nix::unistd::geteuid().is_root();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    sockets(is_root, runtime.as_deref())
}

/// Where daemons listen: the user's own, then the host's. Root has none of his own, and what his
/// environment names may be another user's.
fn sockets(is_root: bool, runtime: Option<&Path>) -> Vec<PathBuf> {
    let own = runtime.filter(|runtime| !is_root && runtime.is_absolute());
    let folders = own.into_iter().chain([Path::new("/run")]);
    folders.map(|folder| folder.join("nodedev").join(INTERFACE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_users_have_a_daemon_of_their_own() {
        let host = PathBuf::from("/run/nodedev/io.nodedev.NodeDevice");
        let runtime = Path::new("/run/user/7");
        let own = PathBuf::from("/run/user/7/nodedev/io.nodedev.NodeDevice");
        assert_eq!(sockets(false, Some(runtime)), [own, host.clone()]);
        assert_eq!(sockets(true, Some(runtime)), [host.as_path()]);
        assert_eq!(sockets(false, Some(Path::new("relative"))), [host.as_path()]);
        assert_eq!(sockets(false, None), [host]);
    }
}
