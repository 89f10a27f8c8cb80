//! How fast a source is listened to, and how often it is read.
//!
//! A source that says more than any host has to say, or asks to be read all the time, waits for its turn:
//! the processors are there for the others too. What does not fit into its queue meanwhile is a loss of its
//! own, of which the queue tells. Clocks only; no messages.

use std::time::Duration;

use tokio::time::Instant;

/// So many messages are taken from a source at once when it has been quiet before,
const BURST: usize = 1024;
/// and so many in a millisecond if they never end. More than udevd sends, by far.
const RATE: usize = 32;
/// How long it waits then for the next ones: short, so that nobody meets many of them in a row.
const REST: Duration = Duration::from_millis(2);
/// The first pause between two readings of a source that asks for them all the time, if a reading takes no
/// longer than this, and the longest.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(250);

/// How fast messages are taken.
#[derive(Debug)]
pub(super) struct Messages {
    /// When `left` was counted.
    since: Instant,
    left: usize,
}

impl Messages {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), left: BURST }
    }

    /// Waits until one more may be taken. May be dropped and called again.
    pub(super) async fn turn(&mut self) {
        // A clock is asked only where it may matter.
        while self.left == 0 {
            self.earn();
            if self.left == 0 {
                tokio::time::sleep_until(self.since + REST).await;
            }
        }
    }

    /// One was taken.
    pub(super) const fn taken(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    fn earn(&mut self) {
        let now = Instant::now();
        let elapsed = now.duration_since(self.since);
        if elapsed >= REST {
            let earned = usize::try_from(elapsed.as_millis()).unwrap_or(BURST).saturating_mul(RATE);
            // What is less than a millisecond counts the next time.
            let since = now - Duration::from_nanos(u64::from(elapsed.subsec_nanos() % 1_000_000));
            *self = Self { since, left: earned.min(BURST) };
        }
    }
}

/// How often readings begin. Who asks to be read while it is being read is read again after as long as that
/// took, then after twice as long, and so on; who asks seldom, at once.
#[derive(Debug)]
pub(super) struct Readings {
    began: Instant,
    asked: bool,
    pause: Duration,
    not_before: Instant,
}

impl Readings {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { began: now, asked: false, pause: Duration::ZERO, not_before: now }
    }

    pub(super) fn begin(&mut self) {
        (self.began, self.asked) = (Instant::now(), false);
    }

    /// A reading was asked for while one is under way.
    pub(super) const fn asked(&mut self) {
        self.asked = true;
    }

    pub(super) fn end(&mut self) {
        let now = Instant::now();
        let longer = (self.pause * 2).max(now.duration_since(self.began)).max(SHORTEST);
        self.pause = if self.asked { longer.min(LONGEST) } else { Duration::ZERO };
        self.not_before = now + self.pause;
    }

    /// When the next one may begin.
    pub(super) const fn due(&self) -> Instant {
        self.not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long the next `count` messages wait for their turns.
    async fn take(messages: &mut Messages, count: usize) -> Duration {
        let begun = Instant::now();
        for _ in 0..count {
            messages.turn().await;
            messages.taken();
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_at_once_and_a_flood_bit_by_bit() {
        let mut messages = Messages::new();
        assert_eq!(take(&mut messages, BURST).await, Duration::ZERO);
        assert_eq!(take(&mut messages, 10 * 2 * RATE).await, 10 * REST);
        // After a long rest, one burst and no more.
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(take(&mut messages, BURST).await, Duration::ZERO);
        assert_eq!(take(&mut messages, 1).await, REST);
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_less_never_waits() {
        let mut messages = Messages::new();
        for _ in 0..3 * BURST {
            tokio::time::advance(Duration::from_millis(1) / u32::try_from(RATE / 2).unwrap()).await;
            assert_eq!(take(&mut messages, 1).await, Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_while_it_is_read_waits_longer_and_longer() {
        let mut readings = Readings::new();
        let mut read = async |asked| {
            readings.begin();
            tokio::time::advance(Duration::from_millis(50)).await;
            if asked {
                readings.asked();
            }
            readings.end();
            readings.due().duration_since(Instant::now()).as_millis()
        };
        let mut pauses = Vec::new();
        for asked in [false, true, true, true, true, false, true] {
            pauses.push(read(asked).await);
        }
        assert_eq!(pauses, [0, 50, 100, 200, 250, 0, 50]);
    }
}
