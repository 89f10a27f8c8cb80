//! The processes of runs that were given up and have not ended: what hangs in the kernel does not die when it is
//! killed. As long as one is there, no other of its kind is started, or each attempt would add one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// Those of one kind of runs.
#[derive(Debug, Default)]
pub(crate) struct Remains(Mutex<Vec<Pid>>);

impl Remains {
    /// Notes a child that was killed and not reaped, which somebody else reaps.
    pub(crate) fn note(&self, child: Pid) {
        self.lock().push(child);
    }

    /// One that has not ended yet. Forgets those that have.
    pub(crate) fn hanging(&self) -> Option<Pid> {
        let mut children = self.lock();
        children.retain(|child| is_running(*child));
        children.first().copied()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this child of ours has not ended. Does not reap it.
pub(crate) fn is_running(child: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(child), flags) == Ok(WaitStatus::StillAlive)
}

#[cfg(test)]
impl Remains {
    /// How many there are or have been since somebody last looked.
    pub(crate) fn noted(&self) -> usize {
        self.lock().len()
    }
}
