//! What waits for a reader: three queues, each with its bound, served in turns. No threads, no I/O.
//!
//! A job whose asker has gone is not begun and takes no room. One for a device that keeps a reader for long is
//! left until that reader is back, so that a slow device cannot take one reader after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use super::Lost;
use crate::announce::Announcer;

/// How many readings that callers wait for may wait.
pub(super) const ASKED: usize = 1024;
/// After so many jobs that go first, one of many is begun, so that these get on as well.
const BULK_TURN: u8 = 8;

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// A device that has changed. In turns with what is asked for.
    Event,
    /// Something that a caller waits for.
    Asked,
    /// One of many.
    Bulk,
}

/// As many wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many readings wait as may")]
pub(crate) struct Full;

/// Whoever wants the answers of jobs. When it is dropped, those that have not begun are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Asker(Arc<()>);

impl Asker {
    fn wanted(&self) -> Wanted {
        Wanted(Arc::downgrade(&self.0))
    }
}

/// Whether somebody still wants the answer.
#[derive(Debug)]
struct Wanted(Weak<()>);

impl Wanted {
    fn is_so(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// What a job is about, how urgent it is, and who asks.
#[derive(Debug)]
pub(crate) struct Order {
    priority: Priority,
    /// The device, or what else is read; empty for one of many.
    subject: String,
    wanted: Wanted,
}

impl Order {
    pub(crate) fn event(subject: &str, asker: &Asker) -> Self {
        Self { priority: Priority::Event, subject: subject.to_owned(), wanted: asker.wanted() }
    }

    pub(crate) fn asked(subject: &str, asker: &Asker) -> Self {
        Self { priority: Priority::Asked, subject: subject.to_owned(), wanted: asker.wanted() }
    }

    pub(crate) fn bulk(asker: &Asker) -> Self {
        Self { priority: Priority::Bulk, subject: String::new(), wanted: asker.wanted() }
    }
}

pub(super) type RunFn = Box<dyn FnOnce(&Announcer) + Send>;
pub(super) type LoseFn = Box<dyn FnOnce(Lost) + Send>;

pub(super) struct Job {
    pub(super) order: Order,
    pub(super) run: RunFn,
    pub(super) lose: LoseFn,
}

impl Job {
    pub(super) const fn priority(&self) -> Priority {
        self.order.priority
    }

    pub(super) fn into_parts(self) -> (String, Priority, RunFn, LoseFn) {
        (self.order.subject, self.order.priority, self.run, self.lose)
    }

    /// Whether it may be begun while readers are held by these.
    fn is_free(&self, held: &[&str]) -> bool {
        self.order.wanted.is_so() && !held.contains(&self.order.subject.as_str())
    }
}

/// The queues.
#[derive(Default)]
pub(super) struct Jobs {
    events: VecDeque<Job>,
    asked: VecDeque<Job>,
    bulk: VecDeque<Job>,
    /// Jobs that went before one of many since the last of these.
    ahead: u8,
    asked_is_next: bool,
}

impl Jobs {
    /// Puts it behind those that wait. Of changes as many as `events` may wait; of what is one of many, all that whoever
    /// asks at the moment has asked for.
    pub(super) fn push(&mut self, job: Job, events: usize) -> Result<(), Full> {
        let (queue, limit) = match job.priority() {
            Priority::Event => (&mut self.events, events.max(1)),
            Priority::Asked => (&mut self.asked, ASKED),
            Priority::Bulk => {
                self.bulk.push_back(job);
                return Ok(());
            }
        };
        if queue.len() >= limit {
            queue.retain(|job| job.order.wanted.is_so());
            if queue.len() >= limit {
                return Err(Full);
            }
        }
        queue.push_back(job);
        Ok(())
    }

    /// Forgets those of the many that nobody wants any more.
    pub(super) fn sweep(&mut self) {
        self.bulk.retain(|job| job.order.wanted.is_so());
    }

    /// The next that may be begun: of the many only if there is a place for them.
    pub(super) fn take(&mut self, held: &[&str], has_bulk_place: bool) -> Option<Job> {
        if has_bulk_place
            && self.ahead >= BULK_TURN
            && let Some(job) = self.take_bulk()
        {
            return Some(job);
        }
        let queues = if self.asked_is_next {
            [&mut self.asked, &mut self.events]
        } else {
            [&mut self.events, &mut self.asked]
        };
        for queue in queues {
            if let Some(job) = take_free(queue, held) {
                self.asked_is_next = job.priority() == Priority::Event;
                self.ahead = self.ahead.saturating_add(1);
                return Some(job);
            }
        }
        if has_bulk_place { self.take_bulk() } else { None }
    }

    fn take_bulk(&mut self) -> Option<Job> {
        let job = take_free(&mut self.bulk, &[])?;
        self.ahead = 0;
        Some(job)
    }

    /// Whether there is any that may be begun.
    pub(super) fn has_some(&self, held: &[&str], has_bulk_place: bool) -> bool {
        let mut urgent = self.events.iter().chain(&self.asked);
        (has_bulk_place && !self.bulk.is_empty()) || urgent.any(|job| job.is_free(held))
    }

    pub(super) fn bulk_len(&self) -> usize {
        self.bulk.len()
    }

    /// All that wait.
    pub(super) fn len(&self) -> usize {
        self.urgent_len() + self.bulk.len()
    }

    /// Those that wait because something has changed or somebody asks.
    pub(super) fn urgent_len(&self) -> usize {
        self.events.len() + self.asked.len()
    }

    /// Takes all.
    pub(super) fn drain(&mut self) -> Vec<Job> {
        let Self { events, asked, bulk, .. } = self;
        events.drain(..).chain(asked.drain(..)).chain(bulk.drain(..)).collect()
    }
}

/// The first that may be begun. Those before it that nobody wants are gone.
fn take_free(queue: &mut VecDeque<Job>, held: &[&str]) -> Option<Job> {
    while queue.front().is_some_and(|job| !job.order.wanted.is_so()) {
        queue.pop_front();
    }
    let first = queue.iter().position(|job| job.is_free(held))?;
    queue.remove(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(order: Order) -> Job {
        Job { order, run: Box::new(|_| {}), lose: Box::new(|_| {}) }
    }

    /// What is taken next, by its subject.
    fn next(jobs: &mut Jobs, held: &[&str]) -> Option<String> {
        jobs.take(held, true).map(|job| job.into_parts().0)
    }

    #[test]
    fn events_and_what_is_asked_for_take_turns_and_the_many_get_on() {
        let (mut jobs, asker) = (Jobs::default(), Asker::default());
        for _ in 0..20 {
            jobs.push(job(Order::event("event", &asker)), 99).unwrap();
            jobs.push(job(Order::asked("asked", &asker)), 99).unwrap();
            jobs.push(job(Order::bulk(&asker)), 99).unwrap();
        }
        let order: Vec<_> = (0..60).map_while(|_| next(&mut jobs, &[])).collect();
        assert_eq!(order.len(), 60);
        assert_eq!(order[..4], ["event", "asked", "event", "asked"]);
        assert_eq!(order[..18].iter().filter(|subject| subject.is_empty()).count(), 2);
        assert_eq!(next(&mut jobs, &[]), None);
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_begun_and_takes_no_room() {
        let (mut jobs, asker) = (Jobs::default(), Asker::default());
        let gone = Asker::default();
        for _ in 0..3 {
            jobs.push(job(Order::event("gone", &gone)), 3).unwrap();
            jobs.push(job(Order::bulk(&gone)), 3).unwrap();
        }
        assert_eq!(jobs.push(job(Order::event("a", &asker)), 3), Err(Full));
        drop(gone);
        assert!(!jobs.has_some(&[], false));
        jobs.push(job(Order::event("a", &asker)), 3).unwrap();
        assert_eq!(jobs.urgent_len(), 1);
        assert_eq!(next(&mut jobs, &[]).as_deref(), Some("a"));
        assert_eq!((next(&mut jobs, &[]), jobs.len()), (None, 0));
        jobs.push(job(Order::bulk(&Asker::default())), 3).unwrap();
        jobs.sweep();
        assert_eq!(jobs.len(), 0);
    }

    #[test]
    fn the_turn_of_the_many_that_nobody_wants_is_another_s() {
        let (mut jobs, asker) = (Jobs::default(), Asker::default());
        jobs.push(job(Order::bulk(&Asker::default())), 99).unwrap();
        for _ in 0..=BULK_TURN {
            jobs.push(job(Order::event("a", &asker)), 99).unwrap();
        }
        let taken = (0..=BULK_TURN).map_while(|_| next(&mut jobs, &[]));
        assert_eq!(taken.count(), usize::from(BULK_TURN) + 1);
    }

    #[test]
    fn no_more_are_asked_for_than_there_is_room_for() {
        let (mut jobs, asker) = (Jobs::default(), Asker::default());
        let pushed = (0..2 * ASKED).map(|_| jobs.push(job(Order::asked("a", &asker)), 1));
        assert_eq!(pushed.filter(Result::is_ok).count(), ASKED);
        jobs.push(job(Order::event("b", &asker)), 1).unwrap();
    }

    #[test]
    fn who_holds_a_reader_waits_for_it_and_nobody_else_does() {
        let (mut jobs, asker) = (Jobs::default(), Asker::default());
        for subject in ["slow", "slow", "quick"] {
            jobs.push(job(Order::asked(subject, &asker)), 9).unwrap();
        }
        assert_eq!(next(&mut jobs, &["slow"]).as_deref(), Some("quick"));
        assert!(!jobs.has_some(&["slow"], true) && jobs.has_some(&[], true));
        assert_eq!(next(&mut jobs, &["slow"]), None);
        assert_eq!(next(&mut jobs, &[]).as_deref(), Some("slow"));
    }
}
