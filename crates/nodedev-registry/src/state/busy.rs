//! Whether a source says so much, or asks to be read so often, that the log is told of it.
//!
//! Nothing is held back because of it; what such a source may take is bounded by its keeper's pace
//! (`supervisor/pace.rs`).

use std::time::Duration;

use tokio::time::Instant;

/// Within this time
const WHILE: Duration = Duration::from_secs(5);
/// so many messages are worth a word,
const MESSAGES: u64 = 2000;
/// or so many requests to be read again,
const REQUESTS: u64 = 8;
/// but not more often than this.
const AGAIN: Duration = Duration::from_secs(60);

/// One source's count.
#[derive(Debug, Default)]
pub(super) struct Busy {
    since: Option<Instant>,
    messages: u64,
    requests: u64,
    told: Option<Instant>,
}

impl Busy {
    /// One more message.
    pub(super) fn message(&mut self, source: &str, now: Instant) {
        self.begin(now);
        self.messages += 1;
        if self.messages >= MESSAGES && self.may_tell(now) {
            let (messages, within) = (self.messages, WHILE);
            tracing::warn!(source, messages, ?within, "busy source: it says very much");
        }
    }

    /// One more request to be read again, for this reason.
    pub(super) fn request(&mut self, source: &str, reason: &str, now: Instant) {
        self.begin(now);
        self.requests += 1;
        if self.requests >= REQUESTS && self.may_tell(now) {
            let (requests, within) = (self.requests, WHILE);
            tracing::warn!(
                source,
                requests,
                ?within,
                reason,
                "busy source: it asks to be read again very often"
            );
        }
    }

    fn begin(&mut self, now: Instant) {
        let is_old = |since: Instant| now.duration_since(since) >= WHILE;
        if self.since.is_none_or(is_old) {
            *self = Self { since: Some(now), told: self.told, ..Self::default() };
        }
    }

    fn may_tell(&mut self, now: Instant) -> bool {
        let may = self.told.is_none_or(|told| now.duration_since(told) >= AGAIN);
        if may {
            self.told = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the last of so many, with this between two, was told.
    fn is_told(count: u64, pause: Duration, mut note: impl FnMut(&mut Busy, Instant)) -> bool {
        let (mut busy, mut now) = (Busy::default(), Instant::now());
        for _ in 0..count {
            note(&mut busy, now);
            now += pause;
        }
        busy.told.is_some()
    }

    #[test]
    fn much_within_a_while_is_told_and_the_same_over_an_hour_is_not() {
        let message = |busy: &mut Busy, now| busy.message("test", now);
        assert!(is_told(MESSAGES, Duration::from_millis(1), message));
        assert!(!is_told(MESSAGES - 1, Duration::from_millis(1), message));
        assert!(!is_told(10 * MESSAGES, Duration::from_millis(5), message));
        let request = |busy: &mut Busy, now| busy.request("test", "why", now);
        assert!(is_told(REQUESTS, Duration::from_millis(500), request));
        assert!(!is_told(10 * REQUESTS, Duration::from_secs(1), request));
    }

    #[test]
    fn it_is_told_once_a_minute() {
        let (mut busy, begun) = (Busy::default(), Instant::now());
        (0..2 * MESSAGES).for_each(|_| busy.message("test", begun));
        assert_eq!(busy.told, Some(begun));
        (0..MESSAGES).for_each(|_| busy.message("test", begun + AGAIN / 2));
        assert_eq!(busy.told, Some(begun));
        (0..MESSAGES).for_each(|_| busy.message("test", begun + AGAIN));
        assert_eq!(busy.told, Some(begun + AGAIN));
    }
}
