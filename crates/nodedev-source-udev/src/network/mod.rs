//! What the kernel tells of network interfaces over generic netlink and in no file: the offload
//! features that are on, and whether a function is a switch.
//!
//! The kernel answers for its own interfaces, by name: on a mock host these are the ones of the
//! network namespace, as with libvirt. What it does not answer is off, never an error.
//!
//! Changes of links, which make no uevent, come in over rtnetlink.

mod features;
pub(crate) mod link_message;
mod links;
pub(crate) mod message;

use std::cell::Cell;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use nix::sys::socket::sockopt::{ReceiveTimeout, SendTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};

pub(crate) use features::ActiveFeatures;
use features::Sets;
pub(crate) use links::Links;
use message::{Attributes, Request, reply};

/// How long the kernel may take for one answer.
const DEADLINE_MS: i64 = 200;
/// More than the longest answer, which names some sixty features.
const LONGEST_ANSWER: usize = 64 << 10;

/// What the kernel knows of network interfaces.
pub(crate) trait Network {
    /// The features of an interface that are on. `None` if it does not answer, most often since there is no such
    /// interface.
    fn active_features(&self, interface: &str) -> Option<Arc<ActiveFeatures>>;
    /// Whether the embedded switch of a PCI function is in the mode `switchdev`.
    fn is_switchdev(&self, pci_address: &str) -> bool;
}

/// No interface at all.
#[derive(Debug)]
pub(crate) struct NoNetwork;

impl Network for NoNetwork {
    fn active_features(&self, _interface: &str) -> Option<Arc<ActiveFeatures>> {
        None
    }

    fn is_switchdev(&self, _pci_address: &str) -> bool {
        false
    }
}

/// The network of the kernel that this process runs on.
#[derive(Debug, Default)]
pub(crate) struct KernelNetwork {
    is_off: bool,
    ethtool: OnceLock<u16>,
    feature_names: OnceLock<Vec<Arc<str>>>,
    feature_sets: Sets,
    devlink: OnceLock<u16>,
    sequence: AtomicU32,
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
        Self { is_off: root != Path::new("/"), ..Self::default() }
    }

    /// What a family answers. `None` if there is no such family, or it refuses.
    fn ask(
        &self,
        (name, id): (&str, &OnceLock<u16>),
        command: u8,
        fill: impl FnOnce(&mut Request),
    ) -> Option<Vec<u8>> {
        if self.is_off {
            return None;
        }
        let mut connection = IDLE.take().map_or_else(Connection::new, Ok).ok()?;
        let family = match id.get() {
            Some(&family) => family,
            None => {
                let family = self.family(&mut connection, name)?;
                *id.get_or_init(|| family)
            }
        };
        let mut request = Request::new(family, command, self.next());
        fill(&mut request);
        // On a failure it is closed: an answer may still come, to nobody.
        let answer = connection.exchange(request)?;
        IDLE.set(Some(connection));
        answer
    }

    /// The names of features, which are the kernel's own and stay the same.
    fn feature_names(&self) -> Option<&[Arc<str>]> {
        const STRSET_GET: u8 = 1;
        if let Some(names) = self.feature_names.get() {
            return Some(names);
        }
        let ask = message::ask_for_feature_names;
        let answer = self.ask(("ethtool", &self.ethtool), STRSET_GET, ask)?;
        let names = Some(message::feature_names(&answer)).filter(|names| !names.is_empty())?;
        Some(self.feature_names.get_or_init(|| names))
    }

    fn family(&self, connection: &mut Connection, name: &str) -> Option<u16> {
        let mut request = Request::new(message::CONTROL, message::GET_FAMILY, self.next());
        request.text(message::FAMILY_NAME, name);
        let answer = connection.exchange(request)??;
        Attributes::new(&answer).find(message::FAMILY_ID)?.number_16()
    }

    fn next(&self) -> u32 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}

impl Network for KernelNetwork {
    fn active_features(&self, interface: &str) -> Option<Arc<ActiveFeatures>> {
        const GET: u8 = 11;
        let names = self.feature_names()?;
        let answer = self.ask(("ethtool", &self.ethtool), GET, |request| {
            message::ask_for_features(request, interface);
        })?;
        let name = |number: u32| names.get(number as usize).map_or_else(|| "".into(), Arc::clone);
        Some(self.feature_sets.of(message::active_features(&answer).collect(), name))
    }

    fn is_switchdev(&self, pci_address: &str) -> bool {
        const GET: u8 = 29;
        const SWITCHDEV: u16 = 1;
        let answer = self.ask(("devlink", &self.devlink), GET, |request| {
            request.text(message::DEVLINK_BUS, "pci");
            request.text(message::DEVLINK_DEVICE, pci_address);
        });
        let mode = answer.and_then(|answer| {
            Attributes::new(&answer).find(message::DEVLINK_ESWITCH_MODE)?.number_16()
        });
        mode == Some(SWITCHDEV)
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

    /// The attributes of the answer, `Some(None)` if the kernel refuses. `None` if no answer came.
    fn exchange(&mut self, request: Request) -> Option<Option<Vec<u8>>> {
        let (socket, sequence) = (self.socket.as_raw_fd(), request.sequence());
        send(socket, &request.finish(), MsgFlags::empty()).ok()?;
        let length = recv(socket, &mut self.buffer, MsgFlags::empty()).ok()?;
        let answer = self.buffer.get(..length)?;
        // One that belongs to another question would put all further ones out of step.
        (message::sequence(answer) == Some(sequence))
            .then(|| reply(answer, sequence).map(<[u8]>::to_vec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_does_not_know_is_off() {
        let network = KernelNetwork::default();
        for interface in ["", "no-such-one", "a-name-that-is-longer-than-any-may-be"] {
            assert!(network.active_features(interface).is_none());
        }
        assert!(!network.is_switchdev("ffff:ff:1f.7"));
        assert!(!network.is_switchdev(""));
    }

    /// Asks in a thread of its own, and says which socket answered before and after.
    fn sockets_of_a_thread(network: &KernelNetwork) -> Vec<Option<i32>> {
        let ask = || {
            network.active_features("lo");
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
        assert!(network.active_features("lo").is_none());
    }
}
