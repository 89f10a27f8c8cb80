//! libvirt's own daemon and ours beside each other on one host, asked the same.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nodedev_tests::command::{Ran, run};
use nodedev_tests::daemon::{Daemon, uri_of};
use nodedev_tests::lab::Lab;
use nodedev_tests::peer::Peer;
use nodedev_tests::require::{programs, root};

use crate::clients::{C, Client, GO};

/// What every one of these tests needs.
pub(crate) fn tools() -> Result<(), String> {
    root()?;
    programs(&["unshare", "systemd-udevd", "libvirtd", "virsh", "mdevctl", "ip"])?;
    C.available()
}

/// A side of the comparison: where it is reached.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) socket: PathBuf,
    pub(crate) read_only: PathBuf,
}

impl Side {
    pub(crate) fn uri(&self) -> String {
        uri_of(&self.socket)
    }

    pub(crate) fn read_only_uri(&self) -> String {
        uri_of(&self.read_only)
    }
}

/// Both daemons, in a laboratory of their own.
#[derive(Debug)]
pub(crate) struct Both {
    // Fields are dropped in order: the laboratory last.
    _daemon: Daemon,
    _peer: Peer,
    pub(crate) ours: Side,
    pub(crate) theirs: Side,
    pub(crate) lab: Lab,
}

impl Both {
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    /// Starts both once the laboratory has been prepared.
    pub(crate) fn with(prepare: impl Fn(&Lab)) -> Self {
        let lab = Lab::start();
        prepare(&lab);
        let folder = lab.folder().join("libvirt");
        let peer = Peer::start(&folder, |program| lab.command(program));
        let daemon = Daemon::start(&lab.folder().join("nodedev"), |program| lab.command(program));
        let ours = Side { socket: daemon.socket(), read_only: daemon.read_only_socket() };
        let theirs =
            Side { socket: folder.join("libvirt-sock"), read_only: folder.join("libvirt-sock-ro") };
        Self { _daemon: daemon, _peer: peer, ours, theirs, lab }
    }

    /// A client's command in the laboratory, over the read-write socket of a side.
    pub(crate) fn client(&self, client: Client, side: &Side, args: &[&str]) -> Command {
        let place =
            if client.name == GO.name { side.socket.display().to_string() } else { side.uri() };
        self.client_at(client, &place, args)
    }

    /// The same with another URI.
    pub(crate) fn client_at(&self, client: Client, place: &str, args: &[&str]) -> Command {
        let words = client.words();
        let mut command = self.lab.command(&words[0]);
        command.args(&words[1..]).arg(place).args(args);
        command
    }

    /// What the client says of our daemon, and of libvirt's.
    pub(crate) fn ask(&self, client: Client, args: &[&str]) -> (Ran, Ran) {
        let ask = |side| run(&mut self.client(client, side, args));
        (self.told(ask(&self.ours)), self.told(ask(&self.theirs)))
    }

    /// Waits until neither lists a device of which the name has this text.
    pub(crate) fn wait_until_gone(&self, text: &str) {
        self.wait_until("neither lists", text, |listed| !listed.contains(text));
    }

    /// Waits until both list a device of which the name has this text.
    pub(crate) fn wait_until_listed(&self, text: &str) {
        self.wait_until("both list", text, |listed| listed.contains(text));
    }

    fn wait_until(&self, what: &str, text: &str, so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let listed = |side| run(&mut self.client(C, side, &["list"])).ok();
        while ![&self.ours, &self.theirs].into_iter().all(|side| so(&listed(side))) {
            assert!(Instant::now() < deadline, "not so, that {what} {text}");
        }
    }

    /// Output without what tells the sides apart: the paths of their sockets.
    pub(crate) fn told(&self, mut ran: Ran) -> Ran {
        for side in [&self.ours, &self.theirs] {
            for (path, name) in [(&side.read_only, "READ-ONLY"), (&side.socket, "READ-WRITE")] {
                let path = path.display().to_string();
                ran.stdout = ran.stdout.replace(&path, name);
                ran.stderr = ran.stderr.replace(&path, name);
            }
        }
        ran
    }
}
