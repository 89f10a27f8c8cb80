//! The file of a socket, for as long as it is ours.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};

use super::error::BindError;
use super::lock::Lock;

/// Removes the file of a socket when dropped, unless another file has taken its place.
#[derive(Debug)]
pub struct SocketFile(Option<Pinned>);

#[derive(Debug)]
struct Pinned {
    path: PathBuf,
    /// Keeps the inode, so that its number cannot come back on the file of another daemon.
    inode: OwnedFd,
}

impl SocketFile {
    /// For sockets without a file.
    pub(super) const fn nothing() -> Self {
        Self(None)
    }

    pub(super) fn pin(path: &Path) -> Result<Self, BindError> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let inode = open(path, flags, Mode::empty())
            .map_err(|errno| BindError::io(path, "look at", errno))?;
        Ok(Self(Some(Pinned { path: path.to_owned(), inode })))
    }

    /// Where the file lies; `None` for an abstract socket.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(|pinned| pinned.path.as_path())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let Some(pinned) = self.0.take() else {
            return;
        };
        // A daemon that starts at this moment holds the lock and decides about the file itself.
        let Some(_lock) = Lock::try_take(&pinned.path) else {
            return;
        };
        if pinned.still_there()
            && let Err(error) = fs::remove_file(&pinned.path)
        {
            tracing::warn!(path = %pinned.path.display(), %error, "cannot remove the socket");
        }
    }
}

impl Pinned {
    fn still_there(&self) -> bool {
        let (Ok(ours), Ok(there)) = (fstat(&self.inode), fs::symlink_metadata(&self.path)) else {
            return false;
        };
        (ours.st_dev, ours.st_ino) == (there.dev(), there.ino())
    }
}
