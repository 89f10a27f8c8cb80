//! Serves what is played on unix sockets in a folder: libvirt's own and ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nodedev_recording::Replay as Played;
use nodedev_server::socket::{self, SocketFile, SocketOptions};
use nodedev_server::{Access, AuthScheme, Listener, Server, ServerConfig};
use nodedev_varlink::INTERFACE;

use crate::args::Replay;
use crate::output::Output;
use crate::record::Signals;
use crate::replay::{close, settled, start};
use crate::status::Failure;

/// How long calls that run may go on at the end.
const GRACE: Duration = Duration::from_millis(300);

pub(crate) async fn run(replay: &Replay, played: &Played, output: &Output) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let folder = Folder::of(replay.socket_dir.as_deref())?;
    let doors = [
        ("virtnodedevd-sock", Some(Access::ReadWrite)),
        ("virtnodedevd-sock-ro", Some(Access::ReadOnly)),
        (INTERFACE, None),
    ];
    let mut listeners = Vec::new();
    // They go when these are dropped.
    let mut files: Vec<SocketFile> = Vec::new();
    for (name, access) in doors {
        // For this user alone.
        let bound = socket::bind(&folder.path.join(name), &SocketOptions::default());
        let bound = bound.map_err(|error| Failure::other("cannot serve", error))?;
        files.push(bound.file);
        listeners.push(match access {
            Some(access) => Listener::unix(bound.listener, access, AuthScheme::None),
            None => Listener::varlink(bound.listener, AuthScheme::None),
        });
    }
    let registry = start(played)?;
    let server = Server::new(registry.clone(), ServerConfig::default());
    listeners.into_iter().for_each(|listener| server.listen(listener));
    let place = folder.path.display();
    output.note(format_args!(
        "serving, Ctrl-C ends: virsh -c 'nodedev:///system?socket={place}/virtnodedevd-sock' nodedev-list --all"
    ));
    output.note(format_args!("or: nodedev --connect {place}/{INTERFACE} list --all"));
    tokio::select! {
        () = tell(played, &registry, output) => {}
        () = signals.next() => {}
    }
    server.shutdown(GRACE).await;
    close(&registry).await;
    Ok(())
}

/// Tells when all has been played. Never ends.
async fn tell(played: &Played, registry: &nodedev_driver::registry::Registry, output: &Output) {
    settled(played, registry, output).await;
    let count = registry.snapshot().len();
    output.note(format_args!("all has been played: {count} devices"));
    std::future::pending().await
}

/// Where the sockets are; one of our own goes at the end.
struct Folder {
    path: PathBuf,
    is_own: bool,
}

impl Folder {
    fn of(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = given {
            return Ok(Self { path: path.to_owned(), is_own: false });
        }
        let path = std::env::temp_dir().join(format!("nodedev-replay-{}", std::process::id()));
        let made = {
            use std::os::unix::fs::DirBuilderExt as _;
            // Nobody else's: it must not be there yet.
            fs::DirBuilder::new().mode(0o700).create(&path)
        };
        made.map_err(|error| Failure::other(&format!("cannot make {}", path.display()), error))?;
        Ok(Self { path, is_own: true })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_own {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
