//! Devices to be read again by the clock: not ready yet, or passed over by a snapshot. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct Attempt {
    since: Instant,
    delay: Duration,
    /// `None` while the device is being read.
    next: Option<Instant>,
}

/// What is to be read again, and when.
#[derive(Debug)]
pub(super) struct Retries {
    settle_time: Duration,
    attempts: BTreeMap<String, Attempt>,
    rechecks: BTreeSet<(Instant, String)>,
}

impl Retries {
    pub(super) const fn new(settle_time: Duration) -> Self {
        Self { settle_time, attempts: BTreeMap::new(), rechecks: BTreeSet::new() }
    }

    /// The device was not ready. `false` when it has had its time.
    pub(super) fn again(&mut self, path: &str, now: Instant) -> bool {
        let attempt = self.attempts.entry(path.to_owned()).or_insert(Attempt {
            since: now,
            delay: FIRST_DELAY,
            next: None,
        });
        let end = attempt.since + self.settle_time;
        if now >= end {
            self.attempts.remove(path);
            return false;
        }
        attempt.next = Some((now + attempt.delay).min(end));
        attempt.delay = (attempt.delay * 2).min(LONGEST_DELAY);
        true
    }

    /// The devices strictly below a path that are not ready.
    pub(super) fn below<'r>(&'r self, path: &str) -> impl Iterator<Item = &'r String> + use<'r> {
        let prefix = format!("{path}/");
        self.attempts.keys().filter(move |path| path.starts_with(&prefix))
    }

    /// The next time that the device is not ready is the first.
    pub(super) fn forget(&mut self, path: &str) {
        self.attempts.remove(path);
    }

    /// Reads the device at that time, whatever comes.
    pub(super) fn recheck(&mut self, path: &str, at: Instant) {
        self.rechecks.insert((at, path.to_owned()));
    }

    /// The same, unless it is to be read at some time anyway.
    pub(super) fn recheck_once(&mut self, path: &str, at: Instant) {
        if !self.rechecks.iter().any(|(_, known)| known == path) {
            self.recheck(path, at);
        }
    }

    /// What is to be read again now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<String> {
        let mut due = Vec::new();
        for (path, attempt) in &mut self.attempts {
            if attempt.next.is_some_and(|next| next <= now) {
                attempt.next = None;
                due.push(path.clone());
            }
        }
        due
    }

    /// What a snapshot passed over and is to be read now.
    pub(super) fn due_rechecks(&mut self, now: Instant) -> Vec<String> {
        let later = self.rechecks.iter().find(|(at, _)| *at > now).cloned();
        let rest = later.map(|first| self.rechecks.split_off(&first)).unwrap_or_default();
        let due = std::mem::replace(&mut self.rechecks, rest);
        due.into_iter().map(|(_, path)| path).collect()
    }

    /// How long nothing is due.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let attempts = self.attempts.values().filter_map(|attempt| attempt.next);
        let next = attempts.chain(self.rechecks.first().map(|(at, _)| *at)).min()?;
        Some(next.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_tried_again_with_growing_pauses_until_its_time_is_over() {
        let settle_time = Duration::from_secs(1);
        let mut retries = Retries::new(settle_time);
        let start = Instant::now();
        let mut now = start;
        let mut tries = 0;
        while retries.again("/sys/a", now) {
            assert!(retries.due(now).is_empty());
            now += retries.wait(now).unwrap();
            assert_eq!(retries.due(now), ["/sys/a"]);
            assert!(retries.due(now).is_empty(), "only once");
            tries += 1;
        }
        assert_eq!(now - start, settle_time);
        assert!((10..20).contains(&tries), "{tries}");
        assert_eq!(retries.wait(now), None);
        assert!(retries.again("/sys/a", now), "a new beginning");
    }

    #[test]
    fn a_recheck_comes_once_at_its_time() {
        let mut retries = Retries::new(Duration::from_secs(1));
        let now = Instant::now();
        let at = now + Duration::from_secs(1);
        retries.recheck("/sys/a", at);
        assert!(retries.due_rechecks(now).is_empty());
        assert_eq!(retries.wait(now), Some(Duration::from_secs(1)));
        assert_eq!(retries.due_rechecks(at), ["/sys/a"]);
        assert_eq!(retries.wait(at), None);

        let later = at + Duration::from_secs(1);
        retries.recheck("/sys/b", later);
        retries.recheck("/sys/b", at);
        assert_eq!(retries.due_rechecks(at), ["/sys/b"], "an earlier look replaces no later one");
        assert_eq!(retries.wait(at), Some(Duration::from_secs(1)));
        retries.recheck_once("/sys/b", at);
        assert_eq!(retries.wait(at), Some(Duration::from_secs(1)), "one is enough");
    }
}
