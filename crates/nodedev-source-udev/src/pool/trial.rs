//! Whether several readers get more done than one.
//!
//! On a real host they do. Where all of them need one lock for each file, as below umockdev's library, they keep
//! each other from working instead, and one gets more done alone. So it is tried, again and again while there is
//! much to read: for a few jobs each, in turn.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// So many jobs are timed at once. Devices of one kind lie beside each other, and take about as long.
const WINDOW: u32 = 32;
/// So often each way is tried in a trial, in turn; the quickest time counts, since nothing else makes it shorter.
const TURNS: u32 = 3;
/// So many jobs are done in the way that was found to be better, before it is tried again: twice as many each time
/// that it is found so once more.
const RUNS: RangeInclusive<u32> = 2048..=8192;
/// Several readers are better if they need so much less time than one. Below a lock of all they sometimes seem to be
/// a little quicker, and take a second processor for it.
const CLEARLY: (u32, u32) = (5, 6);

/// Which way is to be taken now.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// What is left of this window or this run.
    left: u32,
    /// Windows of this trial that are over. The first one makes everybody warm, and does not count.
    windows: u32,
    begun: Option<Instant>,
    alone: Option<Duration>,
    together: Option<Duration>,
    alone_is_better: bool,
    /// The length of the run behind the last trial.
    run: u32,
}

impl Trial {
    /// Whether one reader is to work alone now.
    pub(super) const fn is_alone(&self) -> bool {
        if self.begun.is_some() { !self.windows.is_multiple_of(2) } else { self.alone_is_better }
    }

    /// A job is taken, of so many. The first one of a window begins it, if there are enough to end it.
    pub(super) fn taken(&mut self, now: Instant, waiting: usize) {
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        if let Some(begun) = self.begun.take() {
            self.end_window(now.duration_since(begun));
        } else if self.is_over() {
            (self.windows, self.alone, self.together) = (0, None, None);
        }
        if self.is_over() {
            self.left = self.run;
        } else if waiting > WINDOW as usize {
            (self.left, self.begun) = (WINDOW - 1, Some(now));
        }
    }

    /// There is nothing to do: how long this takes says nothing of readers. The window does not count.
    pub(super) const fn paused(&mut self) {
        if self.begun.take().is_some() {
            self.left = 0;
        }
    }

    fn end_window(&mut self, took: Duration) {
        let was_alone = !self.windows.is_multiple_of(2);
        let quickest = if was_alone { &mut self.alone } else { &mut self.together };
        if self.windows > 0 {
            *quickest = Some(quickest.map_or(took, |quickest| quickest.min(took)));
        }
        self.windows += 1;
        if let (true, Some(alone), Some(together)) = (self.is_over(), self.alone, self.together) {
            let (less, more) = CLEARLY;
            let alone_is_better = together * more >= alone * less;
            self.run = if alone_is_better == self.alone_is_better { self.run * 2 } else { 0 };
            self.run = self.run.clamp(*RUNS.start(), *RUNS.end());
            self.alone_is_better = alone_is_better;
        }
    }

    const fn is_over(&self) -> bool {
        self.windows > 2 * TURNS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOBS: u32 = 50_000;

    /// Does that many jobs, each of which takes so many microseconds if one reader works alone and so many if not;
    /// how many were done alone.
    fn run(trial: &mut Trial, now: &mut Instant, alone: u64, together: u64) -> u32 {
        let mut count = 0;
        for _ in 0..JOBS {
            trial.taken(*now, 1000);
            let is_alone = trial.is_alone();
            *now += Duration::from_micros(if is_alone { alone } else { together });
            count += u32::from(is_alone);
        }
        count
    }

    fn alone(alone: u64, together: u64) -> u32 {
        run(&mut Trial::default(), &mut Instant::now(), alone, together)
    }

    #[test]
    fn the_better_way_does_nearly_all() {
        assert!(alone(100, 60) < JOBS / 40);
        assert!(alone(100, 130) > JOBS - JOBS / 40);
        assert!(alone(100, 90) > JOBS - JOBS / 40, "not worth a second processor");
    }

    #[test]
    fn what_is_better_may_change() {
        let (mut trial, mut now) = (Trial::default(), Instant::now());
        assert!(run(&mut trial, &mut now, 100, 60) < JOBS / 20);
        assert!(run(&mut trial, &mut now, 100, 130) > JOBS - JOBS / 5);
    }

    #[test]
    fn a_few_jobs_are_done_as_was_found_before() {
        let (mut trial, mut now) = (Trial::default(), Instant::now());
        for _ in 0..JOBS {
            trial.taken(now, 10);
            assert!(!trial.is_alone());
            now += Duration::from_micros(100);
        }
        for job in 0..JOBS {
            trial.taken(now, if trial.alone_is_better { 10 } else { 1000 });
            now += Duration::from_micros(if trial.is_alone() { 100 } else { 130 });
            assert!(job < 300 || trial.is_alone());
        }
    }

    #[test]
    fn time_without_work_does_not_count() {
        let (mut trial, mut now) = (Trial::default(), Instant::now());
        for job in 0..JOBS {
            trial.taken(now, 1000);
            now += Duration::from_micros(if trial.is_alone() { 100 } else { 130 });
            if job % 100 == 0 {
                trial.paused();
                now += Duration::from_secs(1);
            }
        }
        assert!(trial.alone_is_better, "{trial:?}");
        assert!(trial.alone.is_none_or(|alone| alone < Duration::from_millis(10)), "{trial:?}");
    }
}
