//! The process groups that actions have left running, and how many of them there may be.
//!
//! What a callout script starts with an action may be meant to stay: a helper of the device, a message
//! that is sent later. libvirt lets it stay, and so do we, within a bound: everything that the daemon
//! starts shares what its unit grants (`TasksMax=`), readings and further actions too.
//!
//! Only looks whether a group is there. Signals nothing: once its head is reaped a number may be another's.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::signal::killpg;
use nix::unistd::Pid;
use nodedev_source::Counter;

/// Groups that may be left: a helper for each device of a big host, and far from the unit's 1024 tasks.
const GROUPS: usize = 256;

/// The groups that were still there when somebody last looked.
#[derive(Debug)]
pub(crate) struct LeftBehind {
    bound: usize,
    groups: Mutex<Vec<Pid>>,
    level: Counter,
}

impl Default for LeftBehind {
    fn default() -> Self {
        Self::with_bound(GROUPS)
    }
}

impl LeftBehind {
    pub(crate) fn with_bound(bound: usize) -> Self {
        let about = "actions of which processes were still running when the last one ended";
        Self { bound, groups: Mutex::default(), level: Counter::level("left_behind", about) }
    }

    /// How many there are.
    pub(crate) const fn level(&self) -> &Counter {
        &self.level
    }

    /// Whether this group may stay, whose head has ended and is not reaped yet. What has gone meanwhile
    /// makes room.
    pub(crate) fn admit(&self, group: Pid) -> bool {
        let mut groups = self.look();
        let has_room = groups.len() < self.bound;
        if has_room {
            groups.push(group);
        }
        has_room
    }

    /// Whether there is any of this group, whose head has been reaped.
    pub(crate) fn is_left(&self, group: Pid) -> bool {
        let groups = self.look();
        self.level.set(groups.len() as u64);
        groups.contains(&group)
    }

    /// Forgets those that have gone. One whose number another group has taken is counted until that has
    /// gone too.
    fn look(&self) -> MutexGuard<'_, Vec<Pid>> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|group| killpg(*group, None) != Err(Errno::ESRCH));
        groups
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::getpgrp;

    use super::*;

    /// No process has such a number: Linux counts to 4194304.
    const NOBODY: Pid = Pid::from_raw(i32::MAX);

    #[test]
    fn what_has_gone_makes_room_and_what_is_there_does_not() {
        let left = LeftBehind::with_bound(2);
        for _ in 0..9 {
            assert!(left.admit(NOBODY));
            assert!(!left.is_left(NOBODY));
        }
        assert_eq!(left.level().value(), 0);
        assert!(left.admit(getpgrp()) && left.admit(getpgrp()));
        assert!(left.is_left(getpgrp()));
        assert!(!left.admit(NOBODY));
        assert_eq!(left.level().value(), 2);
    }
}
