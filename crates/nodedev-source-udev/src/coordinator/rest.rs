//! Devices rest after each reading, and what changes meanwhile is read at the end of that: longer and longer
//! if it is so each time. One that never stops changing leaves readers and processors to the others. Clocks
//! only, no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Cause;

/// How long a device rests that was quiet before it was read.
pub(super) const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct Rest {
    until: Instant,
    pause: Duration,
    again: Option<Cause>,
}

/// What is to be read now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rested {
    pub(super) path: String,
    pub(super) cause: Cause,
    /// How long it rests after that.
    pub(super) pause: Duration,
}

/// What rests, and until when.
#[derive(Debug, Default)]
pub(super) struct Rests {
    resting: BTreeMap<String, Rest>,
    order: BTreeSet<(Instant, String)>,
}

impl Rests {
    /// A device has been read, and has changed again since that began, if there is a cause.
    pub(super) fn begin(
        &mut self,
        path: &str,
        now: Instant,
        pause: Duration,
        again: Option<Cause>,
    ) {
        self.end(path);
        let until = now + pause;
        self.order.insert((until, path.to_owned()));
        self.resting.insert(path.to_owned(), Rest { until, pause, again });
    }

    /// Notes a change of a device that rests. `false` if it does not.
    pub(super) fn note(&mut self, path: &str, cause: Cause) -> bool {
        let rest = self.resting.get_mut(path);
        rest.is_some_and(|rest| {
            rest.again = rest.again.max(Some(cause));
            true
        })
    }

    /// The device is gone, or is read for a reason that does not wait.
    pub(super) fn end(&mut self, path: &str) {
        if let Some((path, rest)) = self.resting.remove_entry(path) {
            self.order.remove(&(rest.until, path));
        }
    }

    /// The next whose rest is over and that has changed meanwhile.
    pub(super) fn due(&mut self, now: Instant) -> Option<Rested> {
        while self.order.first().is_some_and(|(until, _)| *until <= now) {
            let (_, path) = self.order.pop_first()?;
            let rest = self.resting.remove(&path)?;
            if let Some(cause) = rest.again {
                return Some(Rested { path, cause, pause: (rest.pause * 2).min(LONGEST) });
            }
        }
        None
    }

    /// How long until the next rest is over.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.order.first().map(|(until, _)| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_each_time_rests_longer_and_longer_and_what_does_not_is_forgotten() {
        let (mut rests, mut now, mut pause) = (Rests::default(), Instant::now(), FIRST);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.push(pause.as_millis());
            rests.begin("a", now, pause, None);
            assert!(rests.note("a", Cause::Link) && rests.note("a", Cause::Event));
            assert_eq!(rests.due(now), None);
            now += pause;
            let rested = rests.due(now).unwrap();
            assert_eq!((rested.path.as_str(), rested.cause), ("a", Cause::Event));
            pause = rested.pause;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 20, 20, 20]);
        rests.begin("a", now, pause, None);
        assert_eq!(rests.due(now + pause), None, "it was quiet");
        assert_eq!((rests.note("a", Cause::Event), rests.wait(now)), (false, None));
    }

    #[test]
    fn rests_end_in_the_order_of_their_times() {
        let (mut rests, now) = (Rests::default(), Instant::now());
        for (path, pause) in [("late", LONGEST), ("early", FIRST), ("gone", FIRST)] {
            rests.begin(path, now, pause, Some(Cause::Event));
        }
        rests.end("gone");
        assert_eq!((rests.due(now), rests.wait(now)), (None, Some(FIRST)));
        assert_eq!(rests.due(now + LONGEST).unwrap().path, "early");
        assert_eq!(rests.due(now + LONGEST).unwrap().path, "late");
        assert_eq!((rests.due(now + LONGEST), rests.wait(now)), (None, None));
    }
}
