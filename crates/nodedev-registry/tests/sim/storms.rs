//! Storms, one for each seed. A seed that fails is printed with the command that repeats it.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::block_on;
use crate::seed::seeds;
use crate::storm::{Outcome, run};

/// How much of a failed run is shown: its end.
const SHOWN: usize = 400;

/// Runs the storm of a seed; an error shows what was wrong and how to see it again.
fn weather(seed: u64) -> Result<Outcome, String> {
    let run = catch_unwind(AssertUnwindSafe(|| block_on(run(seed))));
    let again = format!("NODEDEV_SEED={seed} cargo test -p nodedev-registry --test sim storms");
    match run {
        Ok(outcome) if outcome.wrong.is_empty() => Ok(outcome),
        Ok(outcome) => {
            let mut text = String::new();
            let lines = &outcome.trace[outcome.trace.len().saturating_sub(SHOWN)..];
            lines.iter().for_each(|line| writeln!(text, "{line}").unwrap());
            outcome.wrong.iter().for_each(|line| writeln!(text, "WRONG: {line}").unwrap());
            Err(format!("{text}seed {seed} fails; again: {again}"))
        }
        Err(_) => Err(format!("seed {seed} panics; again: {again}")),
    }
}

/// Laws 1, 4 and 5, and that only true differences are published: after any faults the list is
/// what the host is and what a registry shows that has just been started; no follower is ever wrong.
#[test]
fn storms_end_in_the_truth_and_nobody_was_told_a_lie() {
    let seeds = seeds(200);
    let mut failures = Vec::new();
    let mut total = Outcome::default();
    for seed in &seeds {
        match weather(*seed) {
            Ok(outcome) => {
                total.batches += outcome.batches;
                total.missed += outcome.missed;
                total.resumed += outcome.resumed;
                total.read_again += outcome.read_again;
                total.resyncs += outcome.resyncs;
                total.restarts += outcome.restarts;
            }
            Err(failure) => failures.push((*seed, failure)),
        }
        assert!(failures.len() < 20, "too many fail: {}", summary(&failures));
    }
    println!(
        "{} storms: {} batches followed, {} times missed, {} times resumed, {} times read again; \
         {} resyncs, {} restarts",
        seeds.len(),
        total.batches,
        total.missed,
        total.resumed,
        total.read_again,
        total.resyncs,
        total.restarts
    );
    assert!(failures.is_empty(), "{}", summary(&failures));
    if seeds.len() >= 100 {
        // Else the laws hold for want of anything that could break them.
        let happened = [
            total.batches as u64,
            total.missed as u64,
            total.resumed as u64,
            total.read_again as u64,
            total.resyncs,
            total.restarts,
        ];
        assert!(happened.iter().all(|count| *count >= 20), "a storm in a teacup: {happened:?}");
    }
}

fn summary(failures: &[(u64, String)]) -> String {
    let seeds: Vec<_> = failures.iter().map(|(seed, _)| seed).collect();
    let first = failures.first().map(|(_, failure)| failure.as_str()).unwrap_or_default();
    format!("seeds {seeds:?}\n{first}")
}

#[test]
fn one_seed_replays_one_run_exactly() {
    for seed in 0..12 {
        let (one, two) = (block_on(run(seed)), block_on(run(seed)));
        let differs = one.trace.iter().zip(&two.trace).position(|(a, b)| a != b);
        let at = differs.map(|at| (&one.trace[at], &two.trace[at]));
        assert_eq!((at, one.trace.len()), (None, two.trace.len()), "seed {seed}");
        assert!(one.trace.len() > 50, "much happens: {}", one.trace.len());
    }
}

#[test]
fn different_seeds_are_different_runs() {
    assert_ne!(block_on(run(1)).trace, block_on(run(2)).trace);
}
