//! Processes that a daemon starts, counted by the kernel's process connector: nothing is put in their
//! way.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::Result;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{MsgFlags, NetlinkAddr, bind, recv, setsockopt};
use socket2::{Domain, Protocol, Socket, Type};

const CONNECTOR: i32 = 11;
const PROCESSES: u32 = 1;
const FORK: u32 = 1;
const EXEC: u32 = 2;
/// Room for what happens on the whole machine between two looks.
const ROOM: usize = 64 << 20;

/// What happens to the machine's processes, from when it was opened.
#[derive(Debug)]
pub struct Spawned {
    socket: File,
}

impl Spawned {
    /// Begins to listen. Only the machine's first network namespace hears of processes.
    ///
    /// # Errors
    ///
    /// When the kernel does not offer it.
    pub fn listen() -> Result<Self> {
        let domain = Domain::from(libc_netlink());
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::from(CONNECTOR)))?;
        let socket = OwnedFd::from(socket);
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, PROCESSES))?;
        setsockopt(&socket, RcvBufForce, &ROOM)?;
        let mut socket = File::from(socket);
        socket.write_all(&subscription())?;
        Ok(Self { socket })
    }

    /// How many programs this process and those that it started have started since listening began;
    /// nothing if the kernel lost count. It may be asked once.
    #[must_use]
    pub fn by(self, process: u32) -> Option<u32> {
        let (mut family, mut count) = (HashSet::from([process]), 0);
        let mut buffer = [0; 4096];
        loop {
            let received = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT);
            let Ok(length) = received else {
                return (received == Err(nix::errno::Errno::EAGAIN)).then_some(count);
            };
            match event(&buffer[..length]) {
                Some(Event::Fork { parent, child }) if family.contains(&parent) => {
                    family.insert(child);
                }
                Some(Event::Exec(program)) if program != process && family.contains(&program) => {
                    count += 1;
                }
                _ => {}
            }
        }
    }

    /// Whether the kernel offers it here.
    #[must_use]
    pub fn is_offered() -> bool {
        // The answer to the subscription says so.
        Self::listen().is_ok_and(|mut own| own.socket.read(&mut [0; 4096]).is_ok())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Fork { parent: u32, child: u32 },
    Exec(u32),
}

/// Netlink's header, the connector's, then the event: what, on which processor, when, of whom.
fn event(message: &[u8]) -> Option<Event> {
    let body = message.get(16 + 20..)?;
    let word = |at: usize| {
        let bytes = body.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_ne_bytes(*bytes))
    };
    match word(0)? {
        // Of processes, not of threads: a thread is no leader of its group.
        FORK if word(24) == word(28) => Some(Event::Fork { parent: word(20)?, child: word(28)? }),
        EXEC => Some(Event::Exec(word(20)?)),
        _ => None,
    }
}

/// `PROC_CN_MCAST_LISTEN` to the connector.
fn subscription() -> Vec<u8> {
    let words: [u32; 4] = [PROCESSES, PROCESSES, 0, 0];
    let mut message = 40_u32.to_ne_bytes().to_vec();
    message.extend(3_u16.to_ne_bytes());
    message.extend([0; 10]);
    message.extend(words.into_iter().flat_map(u32::to_ne_bytes));
    message.extend(4_u16.to_ne_bytes());
    message.extend([0; 2]);
    message.extend(1_u32.to_ne_bytes());
    message
}

/// `AF_NETLINK`.
const fn libc_netlink() -> i32 {
    nix::libc::AF_NETLINK
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::require::{require, root};

    #[test]
    fn an_event_is_read() {
        let mut message = vec![0; 36];
        let words: [u32; 8] = [FORK, 0, 0, 0, 7, 7, 9, 9];
        message.extend(words.into_iter().flat_map(u32::to_ne_bytes));
        assert_eq!(event(&message), Some(Event::Fork { parent: 7, child: 9 }));
        let thread = message.len() - 8;
        message[thread] = 10;
        assert_eq!(event(&message), None, "a thread");
        assert_eq!(event(&message[..40]), None);
    }

    #[test]
    fn programs_of_a_shell_are_counted() {
        require!(root());
        if !Spawned::is_offered() {
            return;
        }
        let spawned = Spawned::listen().unwrap();
        let mut shell = Command::new("sh").args(["-c", "true; sleep 0; sleep 0; exit"]).spawn();
        let shell = shell.as_mut().unwrap();
        shell.wait().unwrap();
        assert_eq!(spawned.by(shell.id()), Some(2), "`true` is built in");
    }
}
