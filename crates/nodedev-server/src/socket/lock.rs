//! Who may look at a socket's file and replace it: one daemon at a time.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::beside;
use super::error::BindError;

/// A lock file beside a socket, locked. Held for a few system calls; gone when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// The lock is the open file's.
    _file: File,
}

impl Lock {
    /// Waits for the lock.
    pub(super) fn take(socket: &Path) -> Result<Self, BindError> {
        let path = beside(socket, ".lock");
        loop {
            let attempt = open(&path).and_then(|file| file.lock().map(|()| file));
            let file = attempt.map_err(|error| BindError::io(&path, "lock", error))?;
            if is_still(&path, &file) {
                return Ok(Self { path, _file: file });
            }
        }
    }

    /// Takes the lock if nobody has it.
    pub(super) fn try_take(socket: &Path) -> Option<Self> {
        let path = beside(socket, ".lock");
        let file = open(&path).ok()?;
        file.try_lock().ok()?;
        is_still(&path, &file).then_some(Self { path, _file: file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Still locked here: whoever waits for this file finds it gone and opens another.
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the lock file stays");
        }
    }
}

/// Opens the lock file, which nobody else may even read: who can open it can hold it.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)
}

/// Whether the locked file is the one under that name, and not one that was removed meanwhile.
fn is_still(path: &Path, file: &File) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn one_at_a_time_though_the_file_comes_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, inside) = (folder.path().join("sock"), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let lock = Lock::take(&socket).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        assert!(Lock::try_take(&socket).is_none());
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_the_daemon_may_open_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(&folder.path().join("sock")).unwrap();
        assert_eq!(fs::metadata(&lock.path).unwrap().mode() & 0o777, 0o600);
    }
}
