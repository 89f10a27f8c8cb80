//! What the kernel tells of network interfaces over generic netlink and in no file: the offload
//! features that are on, and whether a function is a switch.
//!
//! The kernel answers for its own interfaces, by name: on a mock host these are the ones of the
//! network namespace, as with libvirt. What it refuses is off, never an error; that it
//! keeps its caller waiting says nothing of the interface.
//!
//! Changes of links, which make no uevent, come in over rtnetlink.

mod features;
mod gate;
pub(crate) mod link_message;
mod links;
pub(crate) mod message;

use std::cell::Cell;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{ReceiveTimeout, SendTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::files::is_shortage;
pub(crate) use features::ActiveFeatures;
use features::Sets;
use gate::Gate;
pub(crate) use links::Links;
use message::{Attributes, Request, reply};

/// How long the kernel may take for one answer.
const DEADLINE_MS: i64 = 200;
/// More than the longest answer, which names some sixty features.
const LONGEST_ANSWER: usize = 64 << 10;

/// The kernel gives no answer for now: a lock that it needs is held, or it has too little of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kernel keeps whoever asks waiting")]
pub(crate) struct NoAnswer;

/// What the kernel knows of network interfaces.
pub(crate) trait Network {
    /// The features of an interface that are on. `None` if it refuses, most often since there is no such interface.
    fn active_features(&self, interface: &str) -> Result<Option<Arc<ActiveFeatures>>, NoAnswer>;
    /// Whether the embedded switch of a PCI function is in the mode `switchdev`.
    fn is_switchdev(&self, pci_address: &str) -> Result<bool, NoAnswer>;
}

/// No interface at all.
#[derive(Debug)]
pub(crate) struct NoNetwork;

impl Network for NoNetwork {
    fn active_features(&self, _interface: &str) -> Result<Option<Arc<ActiveFeatures>>, NoAnswer> {
        Ok(None)
    }

    fn is_switchdev(&self, _pci_address: &str) -> Result<bool, NoAnswer> {
        Ok(false)
    }
}

/// The network of the kernel that this process runs on.
#[derive(Debug)]
pub(crate) struct KernelNetwork {
    is_off: bool,
    ethtool: Family,
    feature_names: OnceLock<Vec<Arc<str>>>,
    feature_sets: Sets,
    devlink: Family,
    sequence: AtomicU32,
}

/// The lock of all links, which each question about one needs.
const ALL_LINKS: &str = "";

/// A family of generic netlink: its number is the kernel's and stays the same.
#[derive(Debug)]
struct Family {
    name: &'static str,
    id: OnceLock<u16>,
    gate: Gate,
}

thread_local! {
    /// The connection of a reader, which ends with its thread: at rest none is open.
    static IDLE: Cell<Option<Connection>> = const { Cell::new(None) };
}

/// A socket, and room for the longest answer.
#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl KernelNetwork {
    /// The kernel knows nothing of the interfaces below another root.
    pub(crate) fn of_root(root: &Path) -> Self {
        Self {
            is_off: root != Path::new("/"),
            ethtool: Family::new("ethtool"),
            feature_names: OnceLock::new(),
            feature_sets: Sets::default(),
            devlink: Family::new("devlink"),
            sequence: AtomicU32::new(0),
        }
    }

    /// Waits until those have their answers who have waited for long, but not beyond that time. `false` at once where
    /// others wait already.
    pub(crate) fn wait(&self, until: Instant) -> bool {
        self.ethtool.gate.wait(until) && self.devlink.gate.wait(until)
    }

    /// What a family answers, for which the kernel needs that lock. `None` if there is no such family, or it refuses.
    fn ask(
        &self,
        family: &Family,
        lock: &str,
        command: u8,
        fill: impl FnOnce(&mut Request),
    ) -> Result<Option<Vec<u8>>, NoAnswer> {
        if self.is_off {
            return Ok(None);
        }
        let _entered = family.gate.enter(lock, Instant::now()).ok_or(NoAnswer)?;
        let mut connection = match IDLE.take().map_or_else(Connection::new, Ok) {
            Ok(connection) => connection,
            Err(error) if is_shortage(&error.into()) => return Err(NoAnswer),
            Err(_) => return Ok(None),
        };
        let Some(family) = self.number_of(family, &mut connection)? else {
            return Ok(None);
        };
        let mut request = Request::new(family, command, self.next());
        fill(&mut request);
        // On a failure it is closed: an answer may still come, to nobody.
        let Some(answer) = connection.exchange(request)? else {
            return Ok(None);
        };
        IDLE.set(Some(connection));
        Ok(answer)
    }

    /// The names of features, which are the kernel's own and stay the same.
    fn feature_names(&self) -> Result<Option<&[Arc<str>]>, NoAnswer> {
        const STRSET_GET: u8 = 1;
        if let Some(names) = self.feature_names.get() {
            return Ok(Some(names));
        }
        let answer =
            self.ask(&self.ethtool, ALL_LINKS, STRSET_GET, message::ask_for_feature_names)?;
        let names = answer.map(|answer| message::feature_names(&answer)).unwrap_or_default();
        if names.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.feature_names.get_or_init(|| names)))
    }

    fn number_of(
        &self,
        family: &Family,
        connection: &mut Connection,
    ) -> Result<Option<u16>, NoAnswer> {
        if let Some(&number) = family.id.get() {
            return Ok(Some(number));
        }
        let mut request = Request::new(message::CONTROL, message::GET_FAMILY, self.next());
        request.text(message::FAMILY_NAME, family.name);
        let answer = connection.exchange(request)?.flatten();
        let number = answer
            .and_then(|answer| Attributes::new(&answer).find(message::FAMILY_ID)?.number_16());
        Ok(number.map(|number| *family.id.get_or_init(|| number)))
    }

    fn next(&self) -> u32 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
impl KernelNetwork {
    /// As if somebody had waited for the lock of all links for long.
    pub(crate) fn hold_links(&self) -> impl Drop + '_ {
        let long_ago = Instant::now().checked_sub(std::time::Duration::from_secs(1)).unwrap();
        self.ethtool.gate.enter(ALL_LINKS, long_ago).unwrap()
    }
}

impl Default for KernelNetwork {
    fn default() -> Self {
        Self::of_root(Path::new("/"))
    }
}

impl Family {
    fn new(name: &'static str) -> Self {
        Self { name, id: OnceLock::new(), gate: Gate::default() }
    }
}

impl Network for KernelNetwork {
    fn active_features(&self, interface: &str) -> Result<Option<Arc<ActiveFeatures>>, NoAnswer> {
        const GET: u8 = 11;
        let Some(names) = self.feature_names()? else {
            return Ok(None);
        };
        let answer = self.ask(&self.ethtool, ALL_LINKS, GET, |request| {
            message::ask_for_features(request, interface);
        })?;
        let name = |number: u32| names.get(number as usize).map_or_else(|| "".into(), Arc::clone);
        let set = |answer: Vec<u8>| {
            self.feature_sets.of(message::active_features(&answer).collect(), name)
        };
        Ok(answer.map(set))
    }

    fn is_switchdev(&self, pci_address: &str) -> Result<bool, NoAnswer> {
        const GET: u8 = 29;
        const SWITCHDEV: u16 = 1;
        let answer = self.ask(&self.devlink, pci_address, GET, |request| {
            request.text(message::DEVLINK_BUS, "pci");
            request.text(message::DEVLINK_DEVICE, pci_address);
        })?;
        let mode = answer.and_then(|answer| {
            Attributes::new(&answer).find(message::DEVLINK_ESWITCH_MODE)?.number_16()
        });
        Ok(mode == Some(SWITCHDEV))
    }
}

impl Connection {
    fn new() -> nix::Result<Self> {
        let (protocol, flags) = (SockProtocol::NetlinkGeneric, SockFlag::SOCK_CLOEXEC);
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        let deadline = TimeVal::milliseconds(DEADLINE_MS);
        setsockopt(&socket, ReceiveTimeout, &deadline)?;
        setsockopt(&socket, SendTimeout, &deadline)?;
        Ok(Self { socket, buffer: vec![0; LONGEST_ANSWER] })
    }

    /// The attributes of the answer, `Some(None)` if the kernel refuses. `None` if the connection is of no use.
    fn exchange(&mut self, request: Request) -> Result<Option<Option<Vec<u8>>>, NoAnswer> {
        let (socket, sequence) = (self.socket.as_raw_fd(), request.sequence());
        let sent = send(socket, &request.finish(), MsgFlags::empty());
        let received = sent.and_then(|_| recv(socket, &mut self.buffer, MsgFlags::empty()));
        let length = match received {
            Ok(length) => length,
            Err(Errno::EAGAIN) => return Err(NoAnswer),
            Err(_) => return Ok(None),
        };
        let answer = self.buffer.get(..length).unwrap_or_default();
        // One that belongs to another question would put all further ones out of step.
        let is_its_own = message::sequence(answer) == Some(sequence);
        Ok(is_its_own.then(|| reply(answer, sequence).map(<[u8]>::to_vec)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_does_not_know_is_off() {
        let network = KernelNetwork::default();
        for interface in ["", "no-such-one", "a-name-that-is-longer-than-any-may-be"] {
            assert!(network.active_features(interface).unwrap().is_none());
        }
        assert_eq!(network.is_switchdev("ffff:ff:1f.7"), Ok(false));
        assert_eq!(network.is_switchdev(""), Ok(false));
    }

    /// Asks in a thread of its own, and says which socket answered before and after.
    fn sockets_of_a_thread(network: &KernelNetwork) -> Vec<Option<i32>> {
        let ask = || {
            network.active_features("lo").unwrap();
            let connection = IDLE.take();
            let socket = connection.as_ref().map(|connection| connection.socket.as_raw_fd());
            IDLE.set(connection);
            socket
        };
        std::thread::scope(|scope| scope.spawn(|| vec![ask(), ask()]).join().unwrap())
    }

    #[test]
    fn a_connection_stays_for_the_next_question_and_ends_with_its_thread() {
        let network = KernelNetwork::default();
        let sockets = sockets_of_a_thread(&network);
        assert!(sockets[0].is_some());
        assert_eq!(sockets[0], sockets[1]);
        assert_eq!(IDLE.take().map(|connection| connection.buffer.len()), None);
    }

    #[test]
    fn below_another_root_nothing_is_asked() {
        let network = KernelNetwork::of_root(Path::new("/elsewhere"));
        assert!(network.active_features("lo").unwrap().is_none());
    }

    #[test]
    fn whoever_comes_while_another_waits_is_told_at_once() {
        let network = KernelNetwork::default();
        let waiting = network.hold_links();
        assert!(matches!(network.active_features("lo"), Err(NoAnswer)));
        assert_eq!(network.is_switchdev(""), Ok(false), "another lock");
        drop(waiting);
        assert!(network.active_features("lo").is_ok());
    }
}
