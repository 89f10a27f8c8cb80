//! Interfaces whose links have changed: a level for each, not a queue. From the receiver to the
//! coordinator. No I/O.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long changes of one link are gathered before it is looked at. What the kernel says of a link
/// that it is about to remove goes with it.
pub(crate) const LINK_SETTLE: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct Hint {
    name: String,
    at: Instant,
}

/// What became of a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raised {
    /// The first for its interface.
    New,
    /// One was there already.
    Known,
    /// More interfaces than there is room for.
    TooMany,
}

/// Interfaces to be read again, by their index.
#[derive(Debug)]
pub(crate) struct LinkHints {
    limit: usize,
    hints: Mutex<BTreeMap<u32, Hint>>,
}

impl LinkHints {
    /// Room for that many.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit, hints: Mutex::new(BTreeMap::new()) }
    }

    /// The link of that interface has changed.
    pub(crate) fn raise(&self, index: u32, name: &str, now: Instant) -> Raised {
        let mut hints = self.lock();
        if let Some(hint) = hints.get_mut(&index) {
            name.clone_into(&mut hint.name);
            return Raised::Known;
        }
        if hints.len() >= self.limit {
            return Raised::TooMany;
        }
        hints.insert(index, Hint { name: name.to_owned(), at: now + LINK_SETTLE });
        Raised::New
    }

    /// The interface has another name now.
    pub(crate) fn rename(&self, index: u32, name: &str) {
        if let Some(hint) = self.lock().get_mut(&index) {
            name.clone_into(&mut hint.name);
        }
    }

    /// The interface has gone.
    pub(crate) fn withdraw(&self, index: u32) {
        self.lock().remove(&index);
    }

    /// Takes those whose time has come: index and name.
    pub(crate) fn due(&self, now: Instant) -> Vec<(u32, String)> {
        let mut hints = self.lock();
        let waiting = std::mem::take(&mut *hints);
        let (due, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, hint)| hint.at <= now);
        hints.extend(later);
        due.into_iter().map(|(index, hint)| (index, hint.name)).collect()
    }

    /// How long none is due.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        let next = self.lock().values().map(|hint| hint.at).min()?;
        Some(next.saturating_duration_since(now))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Hint>> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_of_a_link_are_one_hint_at_the_time_of_the_first() {
        let hints = LinkHints::new(2);
        let now = Instant::now();
        assert_eq!(hints.wait(now), None);
        assert_eq!(hints.raise(7, "old", now), Raised::New);
        assert_eq!(hints.raise(7, "eth0", now + LINK_SETTLE), Raised::Known);
        assert_eq!(hints.wait(now), Some(LINK_SETTLE));
        assert_eq!(hints.due(now), []);
        assert_eq!(hints.due(now + LINK_SETTLE), [(7, "eth0".to_owned())]);
        assert_eq!(hints.due(now + LINK_SETTLE), []);
    }

    #[test]
    fn there_is_room_for_so_many_interfaces_and_what_goes_makes_room() {
        let hints = LinkHints::new(2);
        let now = Instant::now();
        (1..=2).for_each(|index| assert_eq!(hints.raise(index, "a", now), Raised::New));
        assert_eq!(hints.raise(3, "a", now), Raised::TooMany);
        hints.withdraw(1);
        hints.rename(2, "b");
        hints.rename(9, "nobody");
        assert_eq!(hints.due(now + LINK_SETTLE), [(2, "b".to_owned())]);
    }
}
