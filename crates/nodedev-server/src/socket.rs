//! Unix sockets to listen on: made here, or handed over by systemd.
//!
//! Touches the socket's file, the folder it lies in and a lock file beside it. Deletes nothing but
//! sockets that nobody answers at, and never `virtnodedevd.lock`, which is for libvirt's clients.

mod error;
mod file;
mod lock;

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::kill;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, UnixAddr,
    bind as bind_to, connect, getsockname, getsockopt, listen, socket, sockopt,
};
use nix::unistd::{Gid, Group, Pid, chown};
use tokio::net::UnixListener;

pub use self::error::{AdoptError, BindError};
pub use self::file::SocketFile;
use self::lock::Lock;

/// Bytes of a path or abstract name that fit into an address: `sun_path` less one for the NUL.
const LONGEST: usize = 107;

/// No process is between its start and its program for longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a socket's file is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketOptions {
    /// Permission bits of the file (`unix_sock_rw_perms`). Whoever may write may connect.
    pub mode: u32,
    /// Group of the file, by name or number (`unix_sock_group`). `None` leaves the daemon's own.
    pub group: Option<String>,
    /// Permission bits of the folder when it has to be made: 0755 for the host's daemon, 0700 for
    /// a user's. A folder that exists stays as it is.
    pub folder_mode: u32,
}

impl Default for SocketOptions {
    /// For the owner alone.
    fn default() -> Self {
        Self { mode: 0o700, group: None, folder_mode: 0o700 }
    }
}

/// A socket that listens, and its file.
#[derive(Debug)]
pub struct BoundSocket {
    /// To accept clients from.
    pub listener: UnixListener,
    /// Removes the file when it is dropped.
    pub file: SocketFile,
}

/// Listens on a unix socket at `path`, or in the abstract name space for `@name`.
///
/// Nobody can connect before the file has its group and mode. Of two daemons that start at the same
/// moment one gets the socket. The socket of a daemon that died is replaced. An abstract socket has
/// neither file nor rights: everybody in the network name space may connect. Its name is filled with
/// NULs to the 107 bytes of an address, as libvirt's clients ask for it with `?socket=@name`.
///
/// # Errors
///
/// When the path is too long for an address, somebody answers there already, something other than
/// a socket lies there, the group is unknown, or the system refuses; each names the path.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn bind(path: &Path, options: &SocketOptions) -> Result<BoundSocket, BindError> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.len() > LONGEST {
        return Err(BindError::TooLong { path: path.to_owned(), bytes: bytes.len() });
    }
    match bytes.strip_prefix(b"@") {
        Some(name) => bind_abstract(path, name),
        None => bind_file(path, options),
    }
}

/// Takes over a socket that somebody else made, such as systemd for socket activation.
///
/// # Errors
///
/// When it is not a unix stream socket that listens.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn adopt(descriptor: OwnedFd) -> Result<UnixListener, AdoptError> {
    let address: SockaddrStorage = getsockname(descriptor.as_raw_fd()).map_err(io::Error::from)?;
    if address.family() != Some(AddressFamily::Unix) {
        return Err(AdoptError::NotUnix);
    }
    if getsockopt(&descriptor, sockopt::SockType).map_err(io::Error::from)? != SockType::Stream {
        return Err(AdoptError::NotStream);
    }
    if !getsockopt(&descriptor, sockopt::AcceptConn).map_err(io::Error::from)? {
        return Err(AdoptError::NotListening);
    }
    fcntl(&descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(io::Error::from)?;
    Ok(into_tokio(descriptor)?)
}

fn bind_abstract(path: &Path, name: &[u8]) -> Result<BoundSocket, BindError> {
    let failed = |errno: Errno| match errno {
        Errno::EADDRINUSE => BindError::InUse { path: path.to_owned() },
        other => BindError::io(path, "bind", other),
    };
    if name.is_empty() {
        return Err(BindError::io(path, "bind", Errno::EINVAL));
    }
    // libvirt's clients fill the address with NULs, which count as part of the name.
    let mut padded = [0; LONGEST];
    padded[..name.len()].copy_from_slice(name);
    let address = UnixAddr::new_abstract(&padded).map_err(failed)?;
    let descriptor = stream_socket(path)?;
    bind_to(descriptor.as_raw_fd(), &address).map_err(failed)?;
    let listener = start(path, descriptor)?;
    Ok(BoundSocket { listener, file: SocketFile::nothing() })
}

fn bind_file(path: &Path, options: &SocketOptions) -> Result<BoundSocket, BindError> {
    let group = options.group.as_deref().map(|name| find_group(path, name)).transpose()?;
    make_folder(path, options.folder_mode)?;
    let lock = Lock::take(path)?;
    make_way(path)?;

    let address = UnixAddr::new(path).map_err(|errno| BindError::io(path, "bind", errno))?;
    let descriptor = stream_socket(path)?;
    bind_to(descriptor.as_raw_fd(), &address).map_err(|errno| match errno {
        Errno::EADDRINUSE => BindError::InUse { path: path.to_owned() },
        other => BindError::io(path, "bind", other),
    })?;
    let file = SocketFile::pin(path)?;

    // Before the socket listens every connect is refused, whatever the mode is.
    if let Some(group) = group {
        chown(path, None, Some(group))
            .map_err(|errno| BindError::io(path, "change the group of", errno))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(options.mode))
        .map_err(|error| BindError::io(path, "change the mode of", error))?;
    let listener = start(path, descriptor)?;
    drop(lock);
    Ok(BoundSocket { listener, file })
}

fn find_group(path: &Path, name: &str) -> Result<Gid, BindError> {
    if let Ok(number) = name.parse() {
        return Ok(Gid::from_raw(number));
    }
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) => Err(BindError::Group { path: path.to_owned(), group: name.to_owned() }),
        Err(errno) => Err(BindError::io(path, "look up the group of", errno)),
    }
}

/// Makes the folder of the socket, and those above it, where they are missing.
fn make_folder(path: &Path, mode: u32) -> Result<(), BindError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    let failed = |error| BindError::io(folder, "make", error);
    if let Some(above) = folder.parent() {
        fs::DirBuilder::new().recursive(true).mode(mode).create(above).map_err(failed)?;
    }
    match fs::DirBuilder::new().mode(mode).create(folder) {
        // The umask may have taken bits away, such as those that let others reach the socket.
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(mode)).map_err(failed),
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Removes the socket of a daemon that died. Leaves alone whatever else is there.
fn make_way(path: &Path) -> Result<(), BindError> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BindError::io(path, "look at", error)),
    };
    if !there.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    if answers(path)? {
        return Err(BindError::InUse { path: path.to_owned() });
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BindError::io(path, "remove", error))
        }
        _ => Ok(()),
    }
}

/// Whether somebody listens there and goes on, even if too busy to accept.
///
/// A daemon that is killed while it starts mdevctl leaves a process that holds all of its sockets until it
/// becomes mdevctl. With the last holder the connection ends.
fn answers(path: &Path) -> Result<bool, BindError> {
    let failed = |errno| BindError::io(path, "probe", errno);
    let address = UnixAddr::new(path).map_err(failed)?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let probe = stream_socket(path)?;
        match connect(probe.as_raw_fd(), &address) {
            Ok(()) if is_alive(&probe) => return Ok(true),
            Ok(()) => until_it_ends(&probe, deadline),
            Err(Errno::EAGAIN | Errno::EINPROGRESS | Errno::EPROTOTYPE) => return Ok(true),
            Err(Errno::ECONNREFUSED | Errno::ENOENT) => return Ok(false),
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(true)
}

/// Whether there still is the process that began to listen. One of another pid namespace counts as alive.
fn is_alive(connection: &OwnedFd) -> bool {
    let peer = getsockopt(connection, sockopt::PeerCredentials).map_or(0, |peer| peer.pid());
    peer <= 0 || kill(Pid::from_raw(peer), None) != Err(Errno::ESRCH)
}

/// Waits for the end of a connection.
fn until_it_ends(connection: &OwnedFd, deadline: Instant) {
    let mut polled = [PollFd::new(connection.as_fd(), PollFlags::empty())];
    let left = deadline.saturating_duration_since(Instant::now());
    let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
    // Whatever came of it, who listens is asked again.
    let _ = poll(&mut polled, left);
}

fn stream_socket(path: &Path) -> Result<OwnedFd, BindError> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Unix, SockType::Stream, flags, None)
        .map_err(|errno| BindError::io(path, "make a socket for", errno))
}

fn start(path: &Path, descriptor: OwnedFd) -> Result<UnixListener, BindError> {
    listen(&descriptor, Backlog::MAXCONN)
        .map_err(|errno| BindError::io(path, "listen on", errno))?;
    into_tokio(descriptor).map_err(|error| BindError::io(path, "listen on", error))
}

fn into_tokio(descriptor: OwnedFd) -> io::Result<UnixListener> {
    let listener = StdListener::from(descriptor);
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// The name of a file beside another: hidden, with an ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(ending);
    path.with_file_name(name)
}
