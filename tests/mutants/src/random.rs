//! Numbers that are the same everywhere and in every run.

/// xorshift64*.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From the seed that all runs share.
    #[must_use]
    pub const fn new() -> Self {
        Self(0x6e6f_6465_6465_7601)
    }

    /// From a seed, which must not be 0.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below the limit; 0 where there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % limit.max(1)
    }

    /// Any byte. The highest bits are the best ones.
    pub const fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}
