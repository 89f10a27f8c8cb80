//! What is told of a run, and whether everything held.

use std::fmt::Write as _;

use super::Plan;
use super::figures::Figures;
use crate::stress::Report;

/// What there is to tell of a round.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    pub(super) changes: u64,
    pub(super) visitors: u64,
    pub(super) generation: u64,
    /// Processor time that the daemon used, in hundredths of a second.
    pub(super) used: u64,
    /// What it holds in the end.
    pub(super) figures: Figures,
    pub(super) faults: Vec<String>,
}

/// Takes one figure out of all.
type Pick = fn(&Figures) -> u64;

/// Fewer rounds tell nothing.
const FEW: usize = 4;

const MEMORY: [(&str, Pick); 2] =
    [("anonymous", |figures| figures.anonymous), ("resident", |figures| figures.resident)];

/// The first two lines of the table.
pub(super) fn heading() -> String {
    "| round | changes | clients | generation | daemon's CPU s | anonymous KiB | resident KiB \
     | descriptors | threads | children |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
        .to_owned()
}

/// The line of a round.
pub(super) fn row(number: u32, round: &Round) -> String {
    let Round { changes, visitors, generation, figures, used, .. } = round;
    let Figures { anonymous, resident, descriptors, threads, children, .. } = figures;
    let (seconds, tenths) = (used / 100, used % 100 / 10);
    format!(
        "| {number} | {changes} | {visitors} | {generation} | {seconds}.{tenths} | {anonymous} | {resident} \
         | {descriptors} | {threads} | {children} |"
    )
}

/// The whole: `first` is the round before those that count.
pub(super) fn report(plan: &Plan, seed: u64, first: &Round, rounds: &[Round]) -> Report {
    let mut text = format!("{}\n", heading());
    let mut faults: Vec<_> = first.faults.iter().map(|fault| format!("before: {fault}")).collect();
    for (number, round) in (1..).zip(rounds) {
        let _ = writeln!(text, "{}", row(number, round));
        faults.extend(round.faults.iter().map(|fault| format!("round {number}: {fault}")));
    }
    let sum = |of: fn(&Round) -> u64| rounds.iter().map(of).sum::<u64>();
    let (changes, visitors) = (sum(|round| round.changes), sum(|round| round.visitors));
    let lists = rounds.len() * 2;
    let _ =
        writeln!(text, "\n{changes} changes, {visitors} clients, {lists} comparisons; seed {seed}");
    faults.extend(judge_memory(plan, rounds, &mut text));
    for fault in &faults {
        let _ = writeln!(text, "NOT HELD: {fault}");
    }
    Report { text, held: faults.is_empty() }
}

fn judge_memory(plan: &Plan, rounds: &[Round], text: &mut String) -> Vec<String> {
    let Plan { warm_up, growth, .. } = plan;
    let judged: Vec<_> = rounds.iter().skip(usize::try_from(*warm_up).unwrap_or(0)).collect();
    if judged.len() < FEW {
        let _ = writeln!(text, "too few rounds to judge memory by");
        return Vec::new();
    }
    let (earlier, later) = judged.split_at(judged.len() / 2);
    let mut faults = Vec::new();
    for (what, pick) in MEMORY {
        let (earlier, later) = (mean(earlier, pick), mean(later, pick));
        let _ = writeln!(
            text,
            "{what} memory after {warm_up} rounds: {earlier} KiB in the earlier half of the others, {later} KiB \
             in the later; {growth} % more are allowed"
        );
        if later * 100 > earlier * (100 + growth) {
            faults.push(format!("{what} memory grows from {earlier} to {later} KiB"));
        }
    }
    faults
}

fn mean(rounds: &[&Round], pick: Pick) -> u64 {
    let sum: u64 = rounds.iter().map(|round| pick(&round.figures)).sum();
    sum / u64::try_from(rounds.len().max(1)).unwrap_or(1)
}
