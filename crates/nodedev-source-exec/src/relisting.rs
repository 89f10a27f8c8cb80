//! When a program has to list anew because there is room for what was left out. Clocks only.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often that may be.
#[derive(Debug)]
pub(crate) struct Relisting {
    pause: Duration,
    not_before: Instant,
    due: Option<Instant>,
}

impl Relisting {
    /// Of a run that begins now, and that it may cost: not before it has lasted for one pause.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, not_before: Instant::now() + pause, due: None }
    }

    /// It costs no run, since the program can be asked: the first time is at once.
    pub(crate) fn may_be_asked(&mut self) {
        self.not_before = Instant::now();
    }

    /// There is room.
    pub(crate) fn want(&mut self) {
        self.due.get_or_insert(self.not_before);
    }

    /// Waits until it is to be done, if it is wanted. May be dropped and called again.
    pub(crate) async fn due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// It is done, or needless by now.
    pub(crate) fn note(&mut self, is_done: bool) {
        self.due = None;
        if is_done {
            self.not_before = Instant::now() + self.pause;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(120);

    async fn waits(relisting: &mut Relisting) -> Duration {
        let begun = Instant::now();
        relisting.want();
        relisting.due().await;
        relisting.note(true);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_has_a_pause_at_first_and_one_that_is_asked_after_it() {
        let relisting = Relisting::new(PAUSE);
        assert!(timeout(10 * PAUSE, relisting.due()).await.is_err(), "nobody wants it");
        let mut relisting = Relisting::new(PAUSE);
        assert_eq!(waits(&mut relisting).await, PAUSE);
        let mut relisting = Relisting::new(PAUSE);
        relisting.may_be_asked();
        assert_eq!(waits(&mut relisting).await, Duration::ZERO);
        assert_eq!(waits(&mut relisting).await, PAUSE);
        tokio::time::advance(PAUSE).await;
        assert_eq!(waits(&mut relisting).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_become_needless_costs_no_pause() {
        let mut relisting = Relisting::new(PAUSE);
        relisting.may_be_asked();
        relisting.want();
        relisting.note(false);
        assert!(timeout(10 * PAUSE, relisting.due()).await.is_err());
        assert_eq!(waits(&mut relisting).await, Duration::ZERO);
    }
}
