//! Numbers that a source keeps for operators: what it has done, and how much waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number with a name. Clones share the value; reading and changing it never waits.
#[derive(Debug, Clone)]
pub struct Counter {
    name: &'static str,
    about: &'static str,
    is_level: bool,
    value: Arc<AtomicU64>,
}

impl Counter {
    /// A number that only grows while the source lives: `runs`, `received`.
    ///
    /// The name is made of lower-case letters and `_`; `about` is one line for people.
    #[must_use]
    pub fn total(name: &'static str, about: &'static str) -> Self {
        Self { name, about, is_level: false, value: Arc::default() }
    }

    /// A number that grows and shrinks: what waits, what is stuck.
    #[must_use]
    pub fn level(name: &'static str, about: &'static str) -> Self {
        Self { name, about, is_level: true, value: Arc::default() }
    }

    /// Counts one more.
    pub fn count(&self) {
        self.add(1);
    }

    /// Counts so many more.
    pub fn add(&self, more: u64) {
        self.value.fetch_add(more, Ordering::Relaxed);
    }

    /// Takes so many from a level.
    pub fn sub(&self, fewer: u64) {
        self.value.fetch_sub(fewer, Ordering::Relaxed);
    }

    /// Sets a level.
    pub fn set(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
    }

    /// The number as it is now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it counts, one line.
    #[must_use]
    pub const fn about(&self) -> &'static str {
        self.about
    }

    /// Whether it may shrink.
    #[must_use]
    pub const fn is_level(&self) -> bool {
        self.is_level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_number() {
        let (runs, waiting) = (Counter::total("runs", ""), Counter::level("waiting", ""));
        let seen = (runs.clone(), waiting.clone());
        runs.count();
        runs.add(2);
        waiting.set(7);
        waiting.set(6);
        waiting.sub(1);
        assert_eq!((seen.0.value(), seen.1.value()), (3, 5));
        assert!(seen.1.is_level() && !seen.0.is_level());
    }
}
