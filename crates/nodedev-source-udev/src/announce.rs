//! What a reader says of itself while it is in a file, for those who watch over it.

use std::collections::BTreeMap;
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

/// The files that hold readers who were given up, and how many each holds. Further readers leave them alone.
#[derive(Debug, Default)]
pub(crate) struct StuckFiles {
    paths: Mutex<BTreeMap<String, usize>>,
    count: AtomicUsize,
}

impl StuckFiles {
    pub(crate) fn insert(&self, path: &str) {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        *paths.entry(path.to_owned()).or_default() += 1;
        self.count.store(paths.len(), Ordering::Release);
    }

    pub(crate) fn remove(&self, path: &str) {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = paths.get_mut(path) {
            *held -= 1;
            if *held == 0 {
                paths.remove(path);
            }
        }
        self.count.store(paths.len(), Ordering::Release);
    }

    fn contains(&self, path: &str) -> bool {
        self.count.load(Ordering::Acquire) > 0
            && self.paths.lock().unwrap_or_else(PoisonError::into_inner).contains_key(path)
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

    /// Whether a reader hangs in that file.
    pub(crate) fn is_stuck(&self, path: &str) -> bool {
        self.stuck.contains(path)
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
