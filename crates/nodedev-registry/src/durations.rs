//! How long things took: how often, together, and how many within each of some bounds.

use std::time::Duration;

/// The bounds, in microseconds: from what a lookup takes to what ends at a deadline.
const BOUNDS: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000, 30_000_000,
];

/// A histogram of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Durations {
    /// How many lie within each bound and not within the one before; the last are beyond all.
    within: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Durations {
    /// A histogram without durations.
    #[must_use]
    pub const fn new() -> Self {
        Self { within: [0; BOUNDS.len() + 1], sum: Duration::ZERO }
    }

    /// Counts one more.
    pub fn note(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.within[BOUNDS.partition_point(|bound| *bound < micros)] += 1;
        self.sum = self.sum.saturating_add(took);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.within.iter().sum()
    }

    /// How long all of them took together.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// Each bound in seconds with the number of durations between the bound before and it; the last
    /// bound is infinite.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let seconds = BOUNDS.iter().map(|micros| Duration::from_micros(*micros).as_secs_f64());
        seconds.chain([f64::INFINITY]).zip(self.within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_within_the_first_bound_that_holds_it() {
        let mut durations = Durations::new();
        for micros in [0, 50, 51, 30_000_000, 30_000_001] {
            durations.note(Duration::from_micros(micros));
        }
        durations.note(Duration::MAX);
        let counts: Vec<_> = durations.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counts, [(0.00005, 2), (0.0001, 1), (30.0, 1), (f64::INFINITY, 2)]);
        assert_eq!((durations.count(), durations.sum()), (6, Duration::MAX));
    }
}
