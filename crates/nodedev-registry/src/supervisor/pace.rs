//! How fast a source is listened to, and how often it is read.
//!
//! A source that says more than any host has to say, or asks to be read all the time, waits for its turn:
//! the processors are there for the others too. What does not fit into its queue meanwhile is a loss of its
//! own, of which the queue tells. Clocks only; no messages.

use std::time::Duration;

use tokio::time::Instant;

/// Within this time
const TURN: Duration = Duration::from_millis(10);
/// so many messages are taken from a source. More than udevd sends, by far.
const MESSAGES: usize = 1024;
/// The first pause between two readings of a source that asks for them all the time, if a reading takes no
/// longer than this, and the longest.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(250);

/// How fast messages are taken.
#[derive(Debug)]
pub(super) struct Messages {
    turn: Instant,
    left: usize,
}

impl Messages {
    pub(super) fn new() -> Self {
        Self { turn: Instant::now(), left: MESSAGES }
    }

    /// Waits until one more may be taken. May be dropped and called again.
    pub(super) async fn turn(&mut self) {
        if self.left > 0 {
            return;
        }
        tokio::time::sleep_until(self.turn + TURN).await;
        self.begin();
    }

    /// One was taken.
    pub(super) fn taken(&mut self) {
        // A clock is asked only where it may matter: at the begin of a turn, and when its bound is reached.
        self.left = self.left.saturating_sub(1);
        if self.left == 0 && self.turn.elapsed() >= TURN {
            self.begin();
        }
    }

    fn begin(&mut self) {
        *self = Self::new();
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

    #[tokio::test(start_paused = true)]
    async fn so_many_messages_in_a_turn_and_the_next_one_waits() {
        let (mut messages, begun) = (Messages::new(), Instant::now());
        for _ in 0..3 * MESSAGES {
            messages.turn().await;
            messages.taken();
        }
        assert_eq!(begun.elapsed(), 2 * TURN);
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_less_never_waits() {
        let mut messages = Messages::new();
        for _ in 0..3 * MESSAGES {
            tokio::time::advance(2 * TURN / u32::try_from(MESSAGES).unwrap()).await;
            let begun = Instant::now();
            messages.turn().await;
            messages.taken();
            assert_eq!(begun.elapsed(), Duration::ZERO);
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
