//! What a reader says of itself while it is in a file, for those who watch over it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The file that a reader is in.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub(crate) path: String,
    pub(crate) since: Instant,
    pub(crate) deadline: Duration,
}

impl Announcement {
    pub(crate) fn overdue_at(&self) -> Instant {
        self.since + self.deadline
    }
}

/// Devices that are remembered for each file; with so many, whoever is told reads all devices.
pub(crate) const MOST_READ_WITHOUT: usize = 1024;

/// The files that hold readers who were given up. Further readers leave them alone.
#[derive(Debug, Default)]
pub(crate) struct StuckFiles {
    paths: Mutex<BTreeMap<String, Stuck>>,
    count: AtomicUsize,
}

/// One of them.
#[derive(Debug, Default)]
struct Stuck {
    /// How many readers it holds.
    holds: usize,
    /// The devices that were read without it meanwhile.
    read_without: BTreeSet<String>,
}

impl StuckFiles {
    pub(crate) fn insert(&self, path: &str) {
        let mut paths = self.lock();
        paths.entry(path.to_owned()).or_default().holds += 1;
        self.count.store(paths.len(), Ordering::Release);
    }

    /// A reader has come back. With the last of them, which devices were read without the file.
    pub(crate) fn remove(&self, path: &str) -> BTreeSet<String> {
        let mut paths = self.lock();
        let mut read_without = BTreeSet::new();
        if let Some(stuck) = paths.get_mut(path) {
            stuck.holds -= 1;
            if stuck.holds == 0 {
                read_without = std::mem::take(&mut stuck.read_without);
                paths.remove(path);
            }
        }
        self.count.store(paths.len(), Ordering::Release);
        read_without
    }

    /// Whether it is one of them; if so this device is read without it.
    fn leave_alone(&self, path: &str, device: &str) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut paths = self.lock();
        let Some(stuck) = paths.get_mut(path) else {
            return false;
        };
        let has_room = stuck.read_without.len() < MOST_READ_WITHOUT;
        if has_room && !device.is_empty() && !stuck.read_without.contains(device) {
            stuck.read_without.insert(device.to_owned());
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Stuck>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader's slot.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    current: Mutex<Current>,
    stuck: Arc<StuckFiles>,
    is_unwatched: bool,
}

/// What a slot holds. The room for the path stays, since a reader is in very many files.
#[derive(Debug, Default)]
struct Current {
    path: String,
    since_and_deadline: Option<(Instant, Duration)>,
}

impl Announcer {
    pub(crate) fn new(stuck: Arc<StuckFiles>) -> Self {
        Self { stuck, ..Self::default() }
    }

    /// One whose announcements nobody looks at.
    pub(crate) fn unwatched(stuck: Arc<StuckFiles>) -> Self {
        Self { stuck, is_unwatched: true, ..Self::default() }
    }

    /// Says that this thread enters a file; dropping the answer says that it has left.
    pub(crate) fn announce(&self, path: &str, deadline: Duration) -> Entered<'_> {
        if self.is_unwatched {
            return Entered(self);
        }
        let since = Instant::now();
        let mut current = self.lock();
        current.path.clear();
        current.path.push_str(path);
        current.since_and_deadline = Some((since, deadline));
        drop(current);
        Entered(self)
    }

    /// The file that this thread is in.
    pub(crate) fn current(&self) -> Option<Announcement> {
        let current = self.lock();
        let (since, deadline) = current.since_and_deadline?;
        Some(Announcement { path: current.path.clone(), since, deadline })
    }

    /// Whether a reader hangs in that file. If so, the device (if it is one) is read without it and will be read again
    /// when the reader has come back.
    pub(crate) fn leaves_alone(&self, path: &str, device: &str) -> bool {
        self.stuck.leave_alone(path, device)
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader is in a file.
#[derive(Debug)]
pub(crate) struct Entered<'a>(&'a Announcer);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.0.is_unwatched {
            self.0.lock().since_and_deadline = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_read_without_a_file_is_told_once_when_the_last_reader_is_back_from_it() {
        let stuck = StuckFiles::default();
        assert!(!stuck.leave_alone("/sys/a/slow", "/sys/a"));
        stuck.insert("/sys/a/slow");
        stuck.insert("/sys/a/slow");
        stuck.insert("/sys/b/slow");
        for _ in 0..2 {
            assert!(stuck.leave_alone("/sys/a/slow", "/sys/a"));
            assert!(stuck.leave_alone("/sys/a/slow", "/sys/a/below"));
            assert!(stuck.leave_alone("/sys/a/slow", ""), "no device, and left alone as well");
            assert!(!stuck.leave_alone("/sys/a/quick", "/sys/a"));
        }
        assert!(stuck.remove("/sys/a/slow").is_empty(), "another one still hangs");
        assert!(stuck.remove("/sys/b/slow").is_empty(), "nobody was read without it");
        let read_without = stuck.remove("/sys/a/slow");
        assert!(read_without.iter().eq(["/sys/a", "/sys/a/below"]), "{read_without:?}");
        assert!(!stuck.leave_alone("/sys/a/slow", "/sys/a"));
        stuck.insert("/sys/a/slow");
        assert!(stuck.remove("/sys/a/slow").is_empty(), "it has been told");

        stuck.insert("/sys/a/slow");
        for n in 0..2 * MOST_READ_WITHOUT {
            assert!(stuck.leave_alone("/sys/a/slow", &format!("/sys/{n}")));
        }
        assert_eq!(stuck.remove("/sys/a/slow").len(), MOST_READ_WITHOUT);
    }
}
