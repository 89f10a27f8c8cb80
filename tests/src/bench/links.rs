//! Network interfaces of a laboratory, made and removed over rtnetlink without starting a program, and
//! what its udevd broadcasts, with the moment at which it arrived.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, setsockopt, socket,
};

/// Of these libvirt makes node devices; it passes over bridges, vlans and the like.
const KIND: &[u8] = b"ifb";
/// Of interfaces that are removed at once.
const GROUP: u32 = 77;
/// Where udevd's broadcasts go, beside the kernel's own in group 1.
const UDEVD: u32 = 2;
/// Room for the broadcasts of a burst.
const ROOM: usize = 128 << 20;

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const REQUEST_AND_ANSWER: u16 = 0x01 | 0x04;
const CREATE_NEW: u16 = 0x400 | 0x200;

/// Whether an interface goes with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// It is there as long as its namespace.
    Always,
    /// It goes with all others of its kind.
    Burst,
}

impl Stay {
    const fn group(self) -> u32 {
        match self {
            Self::Always => 0,
            Self::Burst => GROUP,
        }
    }
}

/// A broadcast of udevd about an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// When it arrived.
    pub at: Instant,
    /// `add`, `remove` and so on.
    pub action: String,
    /// The interface.
    pub interface: String,
}

/// The interfaces of a network namespace.
#[derive(Debug)]
pub struct Links {
    route: File,
    sequence: u32,
    broadcasts: Receiver<Broadcast>,
}

impl Links {
    /// Those of the namespace in which this process is.
    ///
    /// # Errors
    ///
    /// When it cannot be entered, or gives no sockets.
    pub fn of(process: u32) -> Result<Self> {
        // A namespace is a thread's own; the sockets that it opens stay there.
        let opened = std::thread::spawn(move || -> Result<(OwnedFd, OwnedFd)> {
            let namespace = File::open(format!("/proc/{process}/ns/net"))?;
            setns(&namespace, CloneFlags::CLONE_NEWNET)?;
            let route = netlink(SockProtocol::NetlinkRoute, 0)?;
            let uevents = netlink(SockProtocol::NetlinkKObjectUEvent, UDEVD)?;
            setsockopt(&uevents, RcvBufForce, &ROOM)?;
            Ok((route, uevents))
        });
        let (route, uevents) =
            opened.join().ok().context("the thread in the namespace broke")??;
        let (sender, broadcasts) = channel();
        let mut uevents = File::from(uevents);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length) = uevents.read(&mut buffer) {
                let at = Instant::now();
                if let Some((action, interface)) = parse(&buffer[..length])
                    && sender.send(Broadcast { at, action, interface }).is_err()
                {
                    break;
                }
            }
        });
        Ok(Self { route: File::from(route), sequence: 0, broadcasts })
    }

    /// Makes one.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn add(&mut self, number: usize, stay: Stay) -> Result<()> {
        let mut body = interface_message();
        let kind = attribute(1, KIND);
        body.extend(attribute(3, name(number).as_bytes()));
        body.extend(attribute(1, &address(number)));
        body.extend(attribute(27, &stay.group().to_ne_bytes()));
        body.extend(attribute(18, &kind));
        self.ask(NEW_LINK, CREATE_NEW, &body)
    }

    /// Makes many.
    ///
    /// # Errors
    ///
    /// When the kernel refuses one.
    pub fn add_all(&mut self, mut numbers: Range<usize>, stay: Stay) -> Result<()> {
        numbers.try_for_each(|number| self.add(number, stay))
    }

    /// Removes one.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn remove(&mut self, number: usize) -> Result<()> {
        let mut body = interface_message();
        body.extend(attribute(3, name(number).as_bytes()));
        self.ask(DELETE_LINK, 0, &body)
    }

    /// Removes all that were made with [`Stay::Burst`], at once.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn remove_all(&mut self) -> Result<()> {
        let mut body = interface_message();
        body.extend(attribute(27, &GROUP.to_ne_bytes()));
        self.ask(DELETE_LINK, 0, &body)
    }

    /// What udevd has broadcast since this was asked last.
    pub fn heard(&self) -> Vec<Broadcast> {
        self.broadcasts.try_iter().collect()
    }

    /// When udevd broadcast this action on this interface; what came before is forgotten.
    ///
    /// # Errors
    ///
    /// When it does not within a while.
    pub fn until(&self, action: &str, number: usize) -> Result<Instant> {
        let (wanted, deadline) = (name(number), Instant::now() + Duration::from_secs(30));
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let heard = self.broadcasts.recv_timeout(left);
            let heard = heard.with_context(|| format!("udevd said nothing of {wanted}"))?;
            if heard.action == action && heard.interface == wanted {
                return Ok(heard.at);
            }
        }
    }

    fn ask(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<()> {
        self.sequence += 1;
        let length = u32::try_from(16 + body.len())?;
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend((flags | REQUEST_AND_ANSWER).to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(body);
        self.route.write_all(&message)?;
        let mut answer = [0; 4096];
        let length = self.route.read(&mut answer)?;
        let code = answer[..length].get(16..20).and_then(|bytes| bytes.first_chunk::<4>());
        match code.map(|bytes| i32::from_ne_bytes(*bytes)) {
            Some(0) => Ok(()),
            Some(code) => Err(std::io::Error::from_raw_os_error(-code).into()),
            None => bail!("an answer of {length} bytes from rtnetlink"),
        }
    }
}

/// The interface of this number.
#[must_use]
pub fn name(number: usize) -> String {
    format!("b{number}")
}

/// The node device of the interface of this number.
#[must_use]
pub fn device(number: usize) -> String {
    let address = address(number).map(|byte| format!("{byte:02x}"));
    format!("net_{}_{}", name(number), address.join("_"))
}

/// When each interface was last broadcast with this action.
#[must_use]
pub fn by_device(broadcasts: &[Broadcast], action: &str) -> HashMap<String, Instant> {
    let of_action = broadcasts.iter().filter(|broadcast| broadcast.action == action);
    of_action.map(|broadcast| (broadcast.interface.clone(), broadcast.at)).collect()
}

fn address(number: usize) -> [u8; 6] {
    let [.., high, low] = number.to_be_bytes();
    [0x02, 0xbe, 0x00, high, low, 0x01]
}

/// `struct ifinfomsg`, empty.
fn interface_message() -> Vec<u8> {
    vec![0; 16]
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn netlink(protocol: SockProtocol, groups: u32) -> Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let opened = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
    bind(std::os::fd::AsRawFd::as_raw_fd(&opened.as_fd()), &NetlinkAddr::new(0, groups))?;
    Ok(opened)
}

/// Action and interface of a broadcast about one: libudev's header, then the properties.
fn parse(packet: &[u8]) -> Option<(String, String)> {
    let body = packet.get(40..).filter(|_| packet.starts_with(b"libudev\0"))?;
    let value = |name: &str| {
        let mut lines = body.split(|byte| *byte == 0);
        let found = lines.find_map(|line| line.strip_prefix(name.as_bytes()))?;
        Some(String::from_utf8_lossy(found).into_owned())
    };
    if value("SUBSYSTEM=")? != "net" {
        return None;
    }
    Some((value("ACTION=")?, value("INTERFACE=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_is_read() {
        let mut packet = b"libudev\0".to_vec();
        packet.resize(40, 0);
        packet.extend(b"ACTION=add\0SUBSYSTEM=net\0INTERFACE=b7\0");
        assert_eq!(parse(&packet), Some(("add".to_owned(), "b7".to_owned())));
        assert_eq!(parse(&packet[..20]), None);
        assert_eq!(parse(b"add@/devices/x"), None);
    }

    #[test]
    fn names_are_those_that_daemons_give() {
        assert_eq!(device(258), "net_b258_02_be_00_01_02_01");
        assert_eq!(attribute(3, b"b7").len(), 8);
    }
}
