//! Changes of links, which make no uevent: the kernel tells of them over rtnetlink. What comes in is
//! only compared with what came before; an interface whose address, state or features have changed
//! is noted for another reading.
//!
//! Owned by the receiver, which drains it. Opens no file and never waits.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket,
};

use super::link_message::{Link, LinkMessage, link_messages};
use crate::drain::{Drain, Received};
use crate::queue::EventQueue;
use crate::receive_buffer::enlarge;

/// The group of the messages about links, as a bit.
const LINK_GROUP: u32 = 1;
/// More than the kernel says of a link at once.
const LONGEST_MESSAGE: usize = 32 << 10;
/// Messages that are taken at once, so that uevents have their turn.
const TURN: usize = 64;

/// The kernel's messages about links.
#[derive(Debug)]
pub(crate) struct Links {
    socket: OwnedFd,
    buffer: Vec<u8>,
    seen: Seen,
    drain: Drain,
}

impl Links {
    /// Listens from now on, with a buffer of so many bytes if the system grants them.
    ///
    /// # Errors
    ///
    /// When the system refuses such a socket.
    pub(crate) fn listen(receive_buffer: usize) -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkRoute;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, LINK_GROUP))?;
        let drain = Drain::new(TURN, enlarge(&socket, receive_buffer));
        Ok(Self { socket, buffer: vec![0; LONGEST_MESSAGE], seen: Seen::default(), drain })
    }

    /// Takes what waits, of a flood a turn. After an error something may be lost: then any link may have changed.
    pub(crate) fn drain(&mut self, queue: &EventQueue) -> Result<(), Errno> {
        let Self { socket, buffer, seen, drain } = self;
        let looked = drain.look(|| match receive(socket, buffer) {
            Ok(bytes) => {
                seen.take(bytes, queue);
                Received::Message
            }
            Err(Errno::EAGAIN) => Received::Nothing,
            Err(Errno::EINTR) => Received::Again,
            Err(error) => Received::Failed(error),
        });
        if looked.is_err() {
            *seen = Seen::default();
        }
        looked
    }

    /// Whether there is a loss to tell even if nothing more comes.
    pub(crate) const fn owes(&self) -> bool {
        self.drain.owes()
    }

    /// Whether receiving does nothing but fail.
    pub(crate) const fn is_broken(&self) -> bool {
        self.drain.is_broken()
    }
}

/// The next message; empty if it is not the kernel's.
fn receive<'b>(socket: &OwnedFd, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let (length, sender) = recvfrom::<NetlinkAddr>(socket.as_raw_fd(), buffer)?;
    let is_kernel = sender.is_some_and(|sender| sender.pid() == 0);
    Ok(buffer.get(..length).filter(|_| is_kernel).unwrap_or_default())
}

impl AsFd for Links {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What was last said of each link, so that what changes nothing costs nothing.
#[derive(Debug, Default)]
struct Seen(BTreeMap<u32, Link>);

impl Seen {
    fn take(&mut self, bytes: &[u8], queue: &EventQueue) {
        for message in link_messages(bytes) {
            match message {
                LinkMessage::Is(link) => self.link(link, queue),
                LinkMessage::Gone(index) => {
                    self.0.remove(&index);
                    queue.links().withdraw(index);
                }
            }
        }
    }

    fn link(&mut self, link: Link, queue: &EventQueue) {
        let known = self.0.contains_key(&link.index);
        let last = self.0.entry(link.index).or_default();
        let mut changed = !known || link.features;
        changed |= replace(&mut last.address, link.address);
        changed |= replace(&mut last.state, link.state);
        // A name alone is udevd's business; what is noted is looked for by the name of now.
        let renamed = replace(&mut last.name, link.name);
        if let Some(name) = &last.name {
            if changed {
                queue.link(link.index, name);
            } else if renamed {
                queue.links().rename(link.index, name);
            }
        }
    }
}

/// Whether something else is said.
fn replace<T: PartialEq>(last: &mut Option<T>, said: Option<T>) -> bool {
    let differs = said.is_some() && *last != said;
    if differs {
        *last = said;
    }
    differs
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use nix::sched::{CloneFlags, unshare};
    use nix::sys::socket::{MsgFlags, send, setsockopt, sockopt};
    use nodedev_source_testkit::require;

    use super::super::link_message::tests::{features, gone, message, new_link, wireless};
    use super::*;
    use crate::counts::Counts;
    use crate::queue::event_queue;

    /// The links that are noted after these messages, whatever was noted before.
    fn noted(seen: &mut Seen, messages: &[Vec<u8>]) -> Vec<(u32, String)> {
        let (queue, _messages) = event_queue(16, Counts::default());
        messages.iter().for_each(|bytes| seen.take(bytes, &queue));
        queue.links().due(Instant::now() + Duration::from_secs(1))
    }

    fn eth0() -> Vec<(u32, String)> {
        vec![(7, "eth0".to_owned())]
    }

    #[test]
    fn a_changed_address_state_or_feature_is_noted_and_nothing_else_is() {
        let mut seen = Seen::default();
        let mut noted = |messages: &[Vec<u8>]| noted(&mut seen, messages);
        assert_eq!(noted(&[new_link(7, "eth0", 1, 2)]), eth0(), "it may have changed before");
        assert_eq!(noted(&[new_link(7, "eth0", 1, 2)]), []);
        assert_eq!(noted(&[new_link(7, "eth0", 9, 2)]), eth0());
        assert_eq!(noted(&[new_link(7, "eth0", 9, 6)]), eth0());
        assert_eq!(noted(&[features(7)]), eth0());
        assert_eq!(noted(&[new_link(7, "eth0", 9, 6)]), []);
        assert_eq!(noted(&[new_link(7, "eth1", 9, 6)]), [], "a name is udevd's business");
    }

    #[test]
    fn a_message_without_address_and_state_leaves_them_as_they_were() {
        let mut seen = Seen::default();
        noted(&mut seen, &[new_link(7, "wlan0", 1, 5)]);
        for _ in 0..100 {
            assert_eq!(noted(&mut seen, &[wireless(7)]), []);
        }
        assert_eq!(noted(&mut seen, &[new_link(7, "wlan0", 1, 5)]), []);
    }

    #[test]
    fn what_goes_at_once_is_not_read_and_what_is_renamed_goes_by_its_new_name() {
        let mut seen = Seen::default();
        assert_eq!(noted(&mut seen, &[new_link(7, "eth0", 1, 6), gone(7)]), []);
        assert!(seen.0.is_empty());
        let renamed = noted(&mut seen, &[new_link(7, "old", 1, 6), new_link(7, "new", 1, 6)]);
        assert_eq!(renamed, [(7, "new".to_owned())]);
    }

    /// Sets the loopback up or down.
    fn set_loopback(socket: &Links, up: bool) {
        const SET_LINK: u16 = 19;
        let mut request = message(SET_LINK, 0, 1, &[]);
        request[6] = 1;
        request[24] = u8::from(up);
        request[28] = 1;
        send(socket.socket.as_raw_fd(), &request, MsgFlags::empty()).unwrap();
    }

    #[test]
    fn an_overrun_is_told_behind_all_that_was_queued_and_forgets_what_was_seen() {
        let network = unshare(CloneFlags::CLONE_NEWNET);
        require!(network.map_err(|error| format!("no network of our own: {error}")));
        let (queue, _messages) = event_queue(16, Counts::default());
        let mut links = Links::listen(1 << 20).unwrap();
        let other = Links::listen(1 << 20).unwrap();
        let soon = || Instant::now() + Duration::from_secs(1);
        set_loopback(&other, true);
        assert_eq!(links.drain(&queue), Ok(()));
        assert_eq!(queue.links().due(soon()), [(1, "lo".to_owned())]);
        // Room for more than a turn.
        setsockopt(&links, sockopt::RcvBuf, &(100 << 10)).unwrap();
        (0..1000).for_each(|n| set_loopback(&other, n % 2 == 1));
        assert_eq!(links.drain(&queue), Err(Errno::ENOBUFS));
        assert!(links.seen.0.is_empty(), "it may have been otherwise meanwhile");
        // While anything is queued the kernel drops what comes, and does not say so again.
        let left = receive(&links.socket, &mut links.buffer).map(<[u8]>::len);
        assert_eq!(left, Err(Errno::EAGAIN));
        set_loopback(&other, false);
        assert_eq!(links.drain(&queue), Ok(()), "it goes on behind the gap");
        assert!(!links.seen.0.is_empty());
    }
}
