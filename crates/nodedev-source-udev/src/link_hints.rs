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
    noted: Mutex<Noted>,
}

#[derive(Debug)]
struct Noted {
    hints: BTreeMap<u32, Hint>,
    /// When the first of them is due, or was before it was withdrawn: the coordinator asks with every
    /// event, and shall not have to look at each.
    first: Option<Instant>,
}

impl LinkHints {
    /// Room for that many.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit, noted: Mutex::new(Noted { hints: BTreeMap::new(), first: None }) }
    }

    /// The link of that interface has changed.
    pub(crate) fn raise(&self, index: u32, name: &str, now: Instant) -> Raised {
        let mut noted = self.lock();
        if let Some(hint) = noted.hints.get_mut(&index) {
            name.clone_into(&mut hint.name);
            return Raised::Known;
        }
        if noted.hints.len() >= self.limit {
            return Raised::TooMany;
        }
        let at = now + LINK_SETTLE;
        noted.hints.insert(index, Hint { name: name.to_owned(), at });
        noted.first = Some(noted.first.map_or(at, |first| first.min(at)));
        Raised::New
    }

    /// The interface has another name now.
    pub(crate) fn rename(&self, index: u32, name: &str) {
        if let Some(hint) = self.lock().hints.get_mut(&index) {
            name.clone_into(&mut hint.name);
        }
    }

    /// The interface has gone.
    pub(crate) fn withdraw(&self, index: u32) {
        self.lock().hints.remove(&index);
    }

    /// Takes those whose time has come: index and name.
    pub(crate) fn due(&self, now: Instant) -> Vec<(u32, String)> {
        let mut noted = self.lock();
        if noted.first.is_none_or(|first| first > now) {
            return Vec::new();
        }
        let (due, later): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut noted.hints).into_iter().partition(|(_, hint)| hint.at <= now);
        noted.first = later.values().map(|hint| hint.at).min();
        noted.hints = later;
        due.into_iter().map(|(index, hint)| (index, hint.name)).collect()
    }

    /// How long none is due.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        Some(self.lock().first?.saturating_duration_since(now))
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(hints.wait(now), None);
    }

    #[test]
    fn what_is_not_due_yet_waits_for_its_own_time() {
        let hints = LinkHints::new(9);
        let now = Instant::now();
        let later = now + LINK_SETTLE / 2;
        hints.raise(2, "b", later);
        hints.raise(1, "a", now);
        assert_eq!(hints.wait(now), Some(LINK_SETTLE));
        assert_eq!(hints.due(now + LINK_SETTLE), [(1, "a".to_owned())]);
        assert_eq!(hints.wait(later), Some(LINK_SETTLE));
        hints.withdraw(2);
        assert_eq!(hints.due(later + LINK_SETTLE), []);
        assert_eq!(hints.wait(later), None);
    }
}
