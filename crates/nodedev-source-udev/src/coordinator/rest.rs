//! Devices that change again whenever they have been read: each further reading waits longer, so that one
//! that never comes to rest leaves readers and processors to the others. Clocks only, no I/O.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

/// How long a device that has changed while it was read rests before it is read again. The first time in
/// a row it does not, since an `add` and a `bind` are like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// It was quiet before this reading.
    Unneeded,
    /// It has changed during each of the last readings.
    Of(Duration),
}

impl Pause {
    /// What the reading behind this one has.
    pub(super) fn longer(self) -> Self {
        match self {
            Self::Unneeded => Self::Of(Duration::ZERO),
            Self::Of(pause) => Self::Of((pause * 2).clamp(FIRST, LONGEST)),
        }
    }

    /// When to read, if not at once.
    pub(super) fn until(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Of(pause) if !pause.is_zero() => Some(now + pause),
            _ => None,
        }
    }
}

/// What rests, and until when. The number tells whether it is still that rest.
#[derive(Debug, Default)]
pub(super) struct Rests(BTreeSet<(Instant, u64, String)>);

impl Rests {
    pub(super) fn add(&mut self, until: Instant, token: u64, path: &str) {
        self.0.insert((until, token, path.to_owned()));
    }

    /// One whose rest is over.
    pub(super) fn due(&mut self, now: Instant) -> Option<(u64, String)> {
        let (until, ..) = self.0.first()?;
        let (_, token, path) = if *until <= now { self.0.pop_first()? } else { return None };
        Some((token, path))
    }

    /// How long until the next is over.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.0.first().map(|(until, ..)| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_behind_another_is_at_once_and_further_ones_wait_longer_and_longer() {
        let (now, mut pause, mut waits) = (Instant::now(), Pause::Unneeded, Vec::new());
        for _ in 0..8 {
            pause = pause.longer();
            waits.push(pause.until(now).map_or(0, |until| (until - now).as_millis()));
        }
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 20, 20]);
    }

    #[test]
    fn rests_end_in_the_order_of_their_times() {
        let (mut rests, now) = (Rests::default(), Instant::now());
        rests.add(now + LONGEST, 1, "late");
        rests.add(now + FIRST, 2, "early");
        assert_eq!((rests.due(now), rests.wait(now)), (None, Some(FIRST)));
        assert_eq!(rests.due(now + LONGEST), Some((2, "early".to_owned())));
        assert_eq!(rests.due(now + LONGEST), Some((1, "late".to_owned())));
        assert_eq!(rests.wait(now), None);
    }
}
