//! Who asks the kernel at the moment. It answers some questions one after the other, under locks that anybody on the
//! host may hold for long (`rtnl_lock`, a devlink instance's own), and a thread that waits for that cannot be called
//! back: while one does, no further ones follow it, and it is never more than two that do. Clocks only, no I/O.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An answer takes some microseconds. One that takes so long waits for somebody else.
const PATIENCE: Duration = Duration::from_millis(50);
/// How many ask at once who need the same lock: one after the other gets it anyway.
const AT_ONCE: usize = 2;
/// How many wait for those who have been inside for long; further ones have something else to do.
const WAITING: usize = 2;

/// Lets in whoever asks, unless somebody has been inside for long whom the same lock keeps.
#[derive(Debug, Default)]
pub(super) struct Gate {
    inside: Mutex<Inside>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    questions: Vec<Asked>,
    next: u64,
    waiting: usize,
}

#[derive(Debug)]
struct Asked {
    id: u64,
    lock: String,
    since: Instant,
}

impl Inside {
    /// Whether this lock is held for long. If two are, it may be something behind them that all need.
    fn is_held(&self, lock: &str, now: Instant) -> bool {
        let slow = |asked: &&Asked| now.duration_since(asked.since) >= PATIENCE;
        let mut held = self.questions.iter().filter(slow).map(|asked| asked.lock.as_str());
        let Some(first) = held.next() else { return false };
        first == lock || held.any(|other| other == lock || other != first)
    }

    /// Whether anybody has been inside for long.
    fn is_slow(&self, now: Instant) -> bool {
        self.questions.iter().any(|asked| now.duration_since(asked.since) >= PATIENCE)
    }

    fn has_place(&self, lock: &str) -> bool {
        self.questions.iter().filter(|asked| asked.lock == lock).count() < AT_ONCE
    }
}

impl Gate {
    /// Dropping the answer says that the question is over. `None` while another one waits for long for this lock, or
    /// when no place in it became free for as long.
    pub(super) fn enter(&self, lock: &str, now: Instant) -> Option<Entered<'_>> {
        let mut inside = self.lock();
        if inside.is_held(lock, now) {
            return None;
        }
        if !inside.has_place(lock) {
            let full = |inside: &mut Inside| !inside.has_place(lock);
            let waited = self.left.wait_timeout_while(inside, PATIENCE, full);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return None;
            }
            inside = guard;
        }
        let id = inside.next;
        inside.next += 1;
        inside.questions.push(Asked { id, lock: lock.to_owned(), since: now });
        Some(Entered { gate: self, id })
    }

    /// Waits until nobody has been inside for long, but not beyond that time. `false` at once where others wait already.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let mut inside = self.lock();
        if !inside.is_slow(Instant::now()) {
            return true;
        }
        if inside.waiting >= WAITING {
            return false;
        }
        inside.waiting += 1;
        let patience = until.saturating_duration_since(Instant::now());
        let slow = |inside: &mut Inside| inside.is_slow(Instant::now());
        let waited = self.left.wait_timeout_while(inside, patience, slow);
        waited.unwrap_or_else(PoisonError::into_inner).0.waiting -= 1;
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that is being asked.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    gate: &'a Gate,
    id: u64,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.gate.lock().questions.retain(|asked| asked.id != self.id);
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_follows_one_that_waits_for_long() {
        let (gate, now) = (Gate::default(), Instant::now());
        let first = gate.enter("", now).unwrap();
        let second = gate.enter("", now + PATIENCE / 2).unwrap();
        assert!(gate.enter("", now + PATIENCE / 2).is_none(), "two are enough");
        assert!(gate.enter("", now + PATIENCE).is_none());
        drop(first);
        let third = gate.enter("", now + PATIENCE).unwrap();
        drop(second);
        assert!(gate.enter("", now + 2 * PATIENCE).is_none(), "the third");
        drop(third);
        assert!(gate.enter("", now + 2 * PATIENCE).is_some());
    }

    #[test]
    fn one_lock_that_is_held_is_its_own_affair_and_two_are_everybody_s() {
        let (gate, now) = (Gate::default(), Instant::now());
        let _a = gate.enter("a", now).unwrap();
        let late = now + PATIENCE;
        assert!(gate.enter("a", late).is_none());
        let b = gate.enter("b", late).unwrap();
        let later = late + PATIENCE;
        assert!(gate.enter("c", later).is_none());
        drop(b);
        assert!(gate.enter("c", later).is_some());
    }

    #[test]
    fn who_waits_goes_on_when_the_slow_one_leaves_or_the_time_is_over() {
        let gate = Gate::default();
        let long_ago = Instant::now().checked_sub(PATIENCE).unwrap();
        let slow = gate.enter("", long_ago).unwrap();
        let begun = Instant::now();
        assert!(gate.wait(begun + PATIENCE));
        assert!(begun.elapsed() >= PATIENCE);
        std::thread::scope(|scope| {
            let wait = || gate.wait(Instant::now() + Duration::from_secs(60));
            let waiting: Vec<_> = (0..WAITING).map(|_| scope.spawn(wait)).collect();
            while gate.lock().waiting < WAITING {
                std::thread::yield_now();
            }
            assert!(!wait(), "others wait already");
            drop(slow);
            waiting.into_iter().for_each(|waiting| assert!(waiting.join().unwrap()));
        });
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
