//! How long a listing that has begun may go without its end. Clocks only.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The listing that has begun, if there is one.
#[derive(Debug)]
pub(crate) struct Unfinished {
    deadline: Duration,
    /// The line of its `begin`, and when its `end` is missed.
    begun: Option<(u64, Instant)>,
}

impl Unfinished {
    pub(crate) const fn new(deadline: Duration) -> Self {
        Self { deadline, begun: None }
    }

    /// Takes note of the line with which the listing under way has begun, or that there is none.
    pub(crate) fn note(&mut self, line: Option<u64>) {
        if self.begun.map(|(line, _)| line) != line {
            self.begun = line.map(|line| (line, Instant::now() + self.deadline));
        }
    }

    /// Waits until the end is missed, and tells what is wrong. May be dropped and called again.
    pub(crate) async fn overdue(&self) -> String {
        let Some((line, when)) = self.begun else { return std::future::pending().await };
        sleep_until(when).await;
        format!("no `end` within {:?} after the `begin` in line {line}", self.deadline)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_listing_is_timed_from_its_begin_to_its_end() {
        let mut unfinished = Unfinished::new(20 * SECOND);
        assert!(timeout(1000 * SECOND, unfinished.overdue()).await.is_err(), "there is none");
        unfinished.note(Some(7));
        advance(19 * SECOND).await;
        unfinished.note(None);
        assert!(timeout(1000 * SECOND, unfinished.overdue()).await.is_err(), "it has ended");
        let begun = Instant::now();
        for _ in 0..5 {
            unfinished.note(Some(9));
            advance(SECOND).await;
        }
        let told = unfinished.overdue().await;
        assert_eq!(told, "no `end` within 20s after the `begin` in line 9");
        assert_eq!(begun.elapsed().as_secs(), 20, "words in it do not prolong it");
    }
}
