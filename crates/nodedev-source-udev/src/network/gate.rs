//! Who asks the kernel at the moment. It answers some questions one after the other, under locks that anybody on the
//! host may hold for long (`rtnl_lock`, a devlink instance's own), and a thread that waits for that cannot be called
//! back: while one does, no further ones follow it. Clocks only, no I/O.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An answer takes some microseconds. One that takes so long waits for somebody else.
const PATIENCE: Duration = Duration::from_millis(50);

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
}

impl Gate {
    /// Dropping the answer says that the question is over. `None` while another one waits for long for this lock.
    pub(super) fn enter(&self, lock: &str, now: Instant) -> Option<Entered<'_>> {
        let mut inside = self.lock();
        if inside.is_held(lock, now) {
            return None;
        }
        let id = inside.next;
        inside.next += 1;
        inside.questions.push(Asked { id, lock: lock.to_owned(), since: now });
        Some(Entered { gate: self, id })
    }

    /// Waits until somebody leaves who has been inside for long, or nobody is, but not beyond that time.
    pub(super) fn wait(&self, until: Instant) {
        let mut inside = self.lock();
        loop {
            let now = Instant::now();
            let is_slow = |asked: &Asked| now.duration_since(asked.since) >= PATIENCE;
            if now >= until || !inside.questions.iter().any(is_slow) {
                return;
            }
            let waited = self.left.wait_timeout(inside, until - now);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
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
        gate.wait(begun + PATIENCE);
        assert!(begun.elapsed() >= PATIENCE);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.wait(Instant::now() + Duration::from_secs(60)));
            drop(slow);
            waiting.join().unwrap();
        });
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
