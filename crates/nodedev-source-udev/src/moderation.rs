//! How often the receiver looks at its sockets while events come without end.
//!
//! Each look that finds something wakes the coordinator. One look for each event of a flood would keep two threads
//! busy with waking each other; one look each millisecond takes several of them, as drivers of network cards moderate
//! their interrupts. An event that comes alone is never held back, nor are the first of many.

use std::time::{Duration, Instant};

/// What one look costs, so that there are a thousand in a second at most.
const COST: Duration = Duration::from_millis(1);
/// How many looks may follow each other at once after a quiet time.
const BURST: u32 = 32;

/// What has been looked lately.
#[derive(Debug)]
pub(crate) struct Moderation {
    /// When all looks so far are paid for.
    paid: Instant,
}

impl Moderation {
    pub(crate) fn new(now: Instant) -> Self {
        Self { paid: now }
    }

    /// A look has found something. How long the next one waits; nothing unless many have followed each other.
    pub(crate) fn looked(&mut self, now: Instant) -> Option<Duration> {
        self.paid = self.paid.max(now) + COST;
        let owed = self.paid.saturating_duration_since(now);
        owed.checked_sub(COST * BURST).filter(|rest| !rest.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long each of so many looks is followed by a rest, when they take `each`.
    fn rests(
        moderation: &mut Moderation,
        now: &mut Instant,
        looks: u32,
        each: Duration,
    ) -> Vec<Duration> {
        let look = |_| {
            *now += each;
            let rest = moderation.looked(*now).unwrap_or_default();
            *now += rest;
            rest
        };
        (0..looks).map(look).collect()
    }

    #[test]
    fn the_first_of_many_looks_are_free_and_then_there_is_one_each_millisecond() {
        let begun = Instant::now();
        let (mut moderation, mut now) = (Moderation::new(begun), begun);
        let free = rests(&mut moderation, &mut now, BURST, Duration::ZERO);
        assert!(free.iter().all(Duration::is_zero), "{free:?}");
        let each = Duration::from_micros(100);
        let rests = rests(&mut moderation, &mut now, 1000, each);
        assert_eq!(rests.last(), Some(&(COST - each)));
        let taken = now - begun;
        assert!(taken <= COST * 1000 && taken > COST * 990, "{taken:?}");
    }

    #[test]
    fn looks_that_are_rare_are_never_held_back() {
        let mut now = Instant::now();
        let mut moderation = Moderation::new(now);
        let rests = rests(&mut moderation, &mut now, 1000, COST);
        assert!(rests.iter().all(Duration::is_zero), "{rests:?}");
    }

    #[test]
    fn after_a_quiet_time_as_many_are_free_as_at_first_and_no_more() {
        let mut now = Instant::now();
        let mut moderation = Moderation::new(now);
        rests(&mut moderation, &mut now, 100, Duration::ZERO);
        now += Duration::from_secs(3600);
        let again = rests(&mut moderation, &mut now, BURST + 1, Duration::ZERO);
        let held: Vec<_> = again.iter().map(|rest| !rest.is_zero()).collect();
        assert_eq!(held.iter().filter(|held| **held).count(), 1);
        assert_eq!(held.last(), Some(&true));
    }
}
