//! Who is at the other end of a unix socket, as the kernel says.
//!
//! Reads the socket's options and one file below `/proc`. Never asks the client.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use tokio::net::UnixStream;

/// The process that connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Its id; 0 for a process outside of the daemon's process name space.
    pub pid: i32,
    /// Its effective user when it connected.
    pub uid: u32,
    /// Its effective group when it connected.
    pub gid: u32,
    /// When it started, in clock ticks since boot: field 22 of `/proc/PID/stat`. With the id it
    /// names one process for good. `None` for a process that had ended before it was looked at.
    pub start_time: Option<u64>,
}

impl Peer {
    /// Whether it is root or the user that the daemon runs as.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.uid == 0 || self.uid == nix::unistd::geteuid().as_raw()
    }

    /// Looks who is there. `root` is where `proc` hangs: `/` but in tests.
    ///
    /// Call it right after accepting: the id of a process that ends can come back on another one.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn of(stream: &UnixStream, root: &Path) -> io::Result<Self> {
        let credentials = getsockopt(stream, sockopt::PeerCredentials)?;
        let start_time = start_time(root, credentials.pid()).filter(|_| !has_ended(stream));
        Ok(Self {
            pid: credentials.pid(),
            uid: credentials.uid(),
            gid: credentials.gid(),
            start_time,
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} of user {}", self.pid, self.uid)
    }
}

fn start_time(root: &Path, pid: i32) -> Option<u64> {
    let stat = fs::read(root.join("proc").join(pid.to_string()).join("stat")).ok()?;
    parse_start_time(&stat)
}

/// Field 22. The second field, a name in parentheses, may hold anything.
fn parse_start_time(stat: &[u8]) -> Option<u64> {
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = str::from_utf8(&stat[name_end + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// Whether the process has ended, so that what `/proc` says may be of another with the same id.
/// Kernels before 6.5 do not tell.
fn has_ended(stream: &UnixStream) -> bool {
    let Ok(process) = getsockopt(stream, sockopt::PeerPidfd) else {
        return false;
    };
    let mut waited = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut waited, PollTimeout::ZERO), Ok(ready) if ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_comes_after_the_last_parenthesis() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 424242 20 21\n";
        for name in ["cat", "a b", "x) S 1 (y", "((", "))"] {
            let stat = format!("77 ({name}) {fields}");
            assert_eq!(parse_start_time(stat.as_bytes()), Some(424_242), "{name}");
        }
    }

    #[test]
    fn a_strange_stat_has_no_start_time() {
        for stat in [
            "",
            "77",
            "77 (cat",
            "77 (cat) S 1 2",
            "77 (cat) S x x x x x x x x x x x x x x x x x x x x",
        ] {
            assert_eq!(parse_start_time(stat.as_bytes()), None, "{stat}");
        }
    }

    #[test]
    fn names_need_not_be_text() {
        let stat = b"77 (\xff\xfe) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20";
        assert_eq!(parse_start_time(stat), Some(19));
    }

    #[tokio::test]
    async fn this_process_is_recognised() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = Peer::of(&ours, Path::new("/")).unwrap();
        assert_eq!(peer.pid, i32::try_from(std::process::id()).unwrap());
        assert_eq!(peer.uid, nix::unistd::geteuid().as_raw());
        assert_eq!(peer.gid, nix::unistd::getegid().as_raw());
        assert!(peer.start_time.is_some_and(|ticks| ticks > 0));
    }

    #[tokio::test]
    async fn a_root_without_proc_tells_no_start_time() {
        let root = tempfile::tempdir().unwrap();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert_eq!(Peer::of(&ours, root.path()).unwrap().start_time, None);
    }
}
