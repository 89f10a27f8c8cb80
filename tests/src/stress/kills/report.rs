//! What is told of a run.

use std::fmt::Write as _;
use std::time::Duration;

use super::Options;
use super::actions::{Kind, Outcome};
use crate::stress::Report;

/// It takes as long to see that nothing was left running.
const NOTHING: Duration = Duration::from_millis(1);

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) kills: u32,
    /// Kills while the daemon was starting.
    pub(super) starting: u32,
    pub(super) concluded: Vec<(Kind, Outcome)>,
    pub(super) interfaces: u32,
    /// How long it took from each start until the list was there.
    pub(super) starts: Vec<Duration>,
    /// How long went on what each had started.
    pub(super) orphans: Vec<Duration>,
    pub(super) faults: Vec<String>,
}

impl Counts {
    pub(super) fn report(mut self, options: &Options, done: u32) -> Report {
        let mut text =
            String::from("| action | answered | refused | cut off |\n|---|---:|---:|---:|\n");
        for kind in [Kind::Define, Kind::Undefine, Kind::Autostart] {
            let count =
                |outcome| self.concluded.iter().filter(|of| **of == (kind, outcome)).count();
            let [answered, refused, cut_off] =
                [Outcome::Answered, Outcome::Refused, Outcome::CutOff].map(count);
            let _ = writeln!(text, "| {kind:?} | {answered} | {refused} | {cut_off} |");
        }
        self.starts.sort();
        let half = self.starts.get(self.starts.len() / 2).copied().unwrap_or_default();
        let longest = self.starts.last().copied().unwrap_or_default();
        let Self { kills, starting, interfaces, .. } = &self;
        let alone = self.orphans.iter().filter(|time| **time > NOTHING).count();
        let longest_alone = self.orphans.iter().max().copied().unwrap_or_default();
        let _ = writeln!(
            text,
            "\nOf what was cut off {done} were found done, the others not begun.\n\n{kills} kills, {starting} of them during start-up, {interfaces} while interfaces changed; the list \
             was there {half:.0?} after a start (half of them), at most {longest:.0?}; mdevctl went on alone {alone} \
             times, for {longest_alone:.0?} at most; seed {}",
            options.seed
        );
        for fault in &self.faults {
            let _ = writeln!(text, "NOT HELD: {fault}");
        }
        if !self.faults.is_empty() {
            let Options { kills, seed } = options;
            let _ = writeln!(text, "again: cargo xtask stress kills --kills {kills} --seed {seed}");
        }
        Report { text, held: self.faults.is_empty() }
    }
}
