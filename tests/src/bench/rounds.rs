//! Repetitions, one of each daemon in turn, so that what slows the machine down slows both.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Bench;
use super::row::Cell;
use super::side::Side;

/// What one repetition gave.
#[derive(Debug)]
pub enum Once<T> {
    /// It was measured.
    Took(T),
    /// It was stopped after so long.
    Stopped(Duration),
}

/// What the repetitions of one daemon gave.
#[derive(Debug)]
pub struct Found<T> {
    taken: Vec<T>,
    stopped: Option<Duration>,
}

impl<T> Found<T> {
    const fn nothing() -> Self {
        Self { taken: Vec::new(), stopped: None }
    }

    /// One figure of each repetition.
    pub fn cell(&self, figure: impl Fn(&T) -> f64) -> Cell {
        self.cell_of(|once| Some(figure(once)))
    }

    /// The same for what cannot be measured everywhere.
    pub fn cell_of(&self, figure: impl Fn(&T) -> Option<f64>) -> Cell {
        match self.stopped {
            Some(after) => Cell::Stopped(after),
            None => Cell::of(self.taken.iter().filter_map(figure).collect()),
        }
    }

    /// All figures of all repetitions.
    pub fn cell_of_all<'a>(&'a self, figures: impl Fn(&'a T) -> &'a [f64]) -> Cell {
        match self.stopped {
            Some(after) => Cell::Stopped(after),
            None => Cell::of(self.taken.iter().flat_map(figures).copied().collect()),
        }
    }
}

/// What both daemons gave.
#[derive(Debug)]
pub struct Both<T> {
    /// Ours.
    pub ours: Found<T>,
    /// libvirt's.
    pub theirs: Found<T>,
}

/// Measures both daemons in turn until each was measured as often as `wanted`, or has had its time: a
/// daemon that is slow is measured less often, but once at least. One that was stopped is not
/// tried again.
///
/// # Errors
///
/// When a repetition fails.
pub fn interleaved<T>(
    bench: &mut Bench<'_>,
    wanted: usize,
    mut once: impl FnMut(&mut Bench<'_>, Side) -> Result<Once<T>>,
) -> Result<Both<T>> {
    let mut both = Both { ours: Found::nothing(), theirs: Found::nothing() };
    let mut used = [Duration::ZERO; 2];
    for round in 0..wanted {
        for (place, side) in [Side::Theirs, Side::Ours].into_iter().enumerate() {
            let found = if side == Side::Ours { &mut both.ours } else { &mut both.theirs };
            let is_over = found.stopped.is_some() || (round > 0 && used[place] > bench.budget());
            if is_over || (side == Side::Theirs && !bench.has_peer()) {
                continue;
            }
            let begun = Instant::now();
            bench.progress(&format!("{}, round {} of {wanted}", side.name(), round + 1));
            match once(bench, side).with_context(|| side.name())? {
                Once::Took(taken) => found.taken.push(taken),
                Once::Stopped(after) => found.stopped = Some(after),
            }
            used[place] += begun.elapsed();
        }
    }
    Ok(both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Options;

    #[test]
    fn the_daemons_take_turns_and_one_that_was_stopped_is_not_tried_again() {
        let options = Options::default();
        let mut bench = Bench::new(&options, None, "nodedevd".into(), &|_| ());
        let mut turns = Vec::new();
        let both = interleaved(&mut bench, 3, |_, side| {
            turns.push(side);
            Ok(match side {
                Side::Ours => Once::Took(1.0),
                Side::Theirs => Once::Stopped(Duration::from_secs(9)),
            })
        });
        let both = both.unwrap();
        assert_eq!(turns, [Side::Theirs, Side::Ours, Side::Ours, Side::Ours]);
        assert_eq!(both.ours.cell(|value| *value), Cell::of(vec![1.0; 3]));
        assert_eq!(both.theirs.cell(|value| *value), Cell::Stopped(Duration::from_secs(9)));
    }
}
