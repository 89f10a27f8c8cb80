//! The randomness of one run: everything that is left to chance comes from one seed.

use std::time::Duration;

/// A run's source of chance: the same seed gives the same numbers for ever (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Another source, which what is drawn here later does not change.
    pub(crate) const fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number from 0 to `end`, without `end`.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) const fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// A time up to `longest`, in steps of the clock's millisecond.
    pub(crate) fn up_to(&mut self, longest: Duration) -> Duration {
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.below(longest.saturating_add(1)))
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)].clone()
    }
}

/// The seeds to run: the one of `NODEDEV_SEED`, or as many as `NODEDEV_SEEDS` says, or `usual` many.
pub(crate) fn seeds(usual: u64) -> Vec<u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    };
    match number("NODEDEV_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("NODEDEV_SEEDS").unwrap_or(usual)).collect(),
    }
}

#[test]
fn the_numbers_of_a_seed_are_the_published_ones() {
    let mut rng = Rng::new(1_234_567);
    assert_eq!(rng.next(), 6_457_827_717_110_365_317);
    assert_eq!(rng.next(), 3_203_168_211_198_807_973);
}
