//! Who asks the kernel at the moment. It answers questions about links one after the other, under a lock that anybody
//! on the host may hold for long (`rtnl_lock`), and a thread that waits for that cannot be called back: while one does,
//! no further ones follow it. Clocks only, no I/O.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An answer takes some microseconds. One that takes so long waits for somebody else.
const PATIENCE: Duration = Duration::from_millis(50);

/// Lets in whoever asks, unless somebody has been inside for long.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    since: Vec<(u64, Instant)>,
    next: u64,
}

impl Gate {
    /// Dropping the answer says that the question is over. `None` while another one waits for long.
    pub(super) fn enter(&self, now: Instant) -> Option<Entered<'_>> {
        let mut inside = self.lock();
        if inside.since.iter().any(|(_, since)| now.duration_since(*since) >= PATIENCE) {
            return None;
        }
        let id = inside.next;
        inside.next += 1;
        inside.since.push((id, now));
        Some(Entered { gate: self, id })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.gate.lock().since.retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_follows_one_that_waits_for_long() {
        let (gate, now) = (Gate::default(), Instant::now());
        let first = gate.enter(now).unwrap();
        let second = gate.enter(now + PATIENCE / 2).unwrap();
        assert!(gate.enter(now + PATIENCE).is_none());
        drop(first);
        let third = gate.enter(now + PATIENCE).unwrap();
        drop(second);
        assert!(gate.enter(now + 2 * PATIENCE).is_none(), "the third");
        drop(third);
        assert!(gate.enter(now + 2 * PATIENCE).is_some());
    }
}
