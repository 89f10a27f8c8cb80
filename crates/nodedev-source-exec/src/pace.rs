//! How fast a program may speak: a bucket of tokens. What does not fit waits in the program's pipe.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// One token is a line, or a KiB.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: f64,
    burst: f64,
    tokens: f64,
    counted: Instant,
}

impl Pace {
    /// So many tokens a second, and so many at first.
    pub(crate) fn new(rate: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self { rate: f64::from(rate.max(1)), burst, tokens: burst, counted: Instant::now() }
    }

    /// Takes tokens; more than there are is a debt.
    pub(crate) fn spend(&mut self, tokens: f64) {
        self.fill();
        self.tokens -= tokens;
    }

    /// Whether there is a debt.
    pub(crate) fn is_late(&mut self) -> bool {
        self.fill();
        self.tokens < 0.0
    }

    /// Waits until there is no debt.
    pub(crate) async fn wait(&mut self) {
        self.fill();
        if self.tokens < 0.0 {
            sleep_until(self.counted + Duration::from_secs_f64(-self.tokens / self.rate)).await;
        }
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let gained = (now - self.counted).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.counted = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_debt_is_waited_for_and_a_long_silence_earns_no_more_than_a_burst() {
        let (mut pace, began) = (Pace::new(10, 5), Instant::now());
        pace.spend(5.0);
        pace.wait().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        pace.spend(20.0);
        assert!(pace.is_late());
        pace.wait().await;
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_secs(1000)).await;
        pace.spend(6.0);
        assert!(pace.is_late());
    }
}
