//! Faults of every kind of source and of clients, and what they cost the others.
//!
//! For each cell of the matrix (`matrix`) a daemon with all sources (`serve`) is started several times on a
//! mock host (`host`). A client calls and the other sources' devices change, first in a quiet time, then
//! with the fault (`measure`); then the fault has to show, to end, and to leave nothing behind (`round`).

pub mod serve;

mod cells;
mod clients;
mod faulty;
mod host;
mod matrix;
mod measure;
mod process;
mod round;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use self::cells::Cell;
use self::host::Host;
use self::measure::{Figures, KINDS};
use self::table::Ratio;
use super::{Report, Say};

/// What is run.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How often each cell is run; the calls of all count together
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub rounds: usize,
    /// Milliseconds of the quiet time, and of the time with the fault, in each round
    #[arg(long, value_name = "MS", default_value_t = 3000)]
    pub length: u64,
    /// How many times as long 99 of 100 calls and changes may take
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0)]
    pub factor: f64,
    /// Milliseconds more that are no difference, where other work is done beside
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub floor: u64,
    /// Only cells whose name, as `udev panic`, has this in it
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub only: String,
    /// Put the table between its marks in this page
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

/// What came of a cell.
#[derive(Debug)]
struct Outcome {
    cell: Cell,
    ratios: [Ratio; KINDS.len()],
    recovery: Duration,
    peak: u64,
    problems: Vec<String>,
}

/// Runs it.
///
/// # Errors
///
/// When it could not be run.
pub fn run(options: &Options, say: Say<'_>) -> Result<Report> {
    crate::require::mock_hosts().map_err(anyhow::Error::msg)?;
    let name = |cell: &Cell| format!("{} {}", cell.who.name(), cell.way);
    let cells: Vec<_> = matrix::cells().filter(|cell| name(cell).contains(&options.only)).collect();
    if cells.is_empty() || options.rounds == 0 {
        bail!("nothing is to be run");
    }
    let mut outcomes = Vec::new();
    for cell in cells {
        let outcome = run_cell(&cell, options);
        say(&format!("{}: {}", name(&cell), verdict(&outcome)));
        outcomes.push(outcome);
    }
    let table = table::table(&outcomes);
    if let Some(page) = &options.write {
        table::write(page, &table)?;
    }
    let bad = outcomes.iter().filter(|outcome| !outcome.problems.is_empty());
    let bad: Vec<_> = bad.map(|bad| format!("{}: {}\n", name(&bad.cell), verdict(bad))).collect();
    Ok(Report { text: format!("{table}{}", bad.concat()), held: bad.is_empty() })
}

fn verdict(outcome: &Outcome) -> String {
    match &outcome.problems[..] {
        [] => format!("held; {:?}", outcome.ratios.map(|ratio| format!("{:.1}", ratio.factor()))),
        problems => problems.join("\n  "),
    }
}

fn run_cell(cell: &Cell, options: &Options) -> Outcome {
    let host = Host::new();
    let length = Duration::from_millis(options.length);
    let rounds: Vec<_> = (0..options.rounds).map(|_| round::run(&host, cell, length)).collect();
    let quiet = Figures::all(rounds.iter().map(|round| &round.quiet));
    let faulty = Figures::all(rounds.iter().map(|round| &round.faulty));
    let allowed =
        |quiet: Duration| quiet.mul_f64(options.factor) + Duration::from_millis(options.floor);
    let ratios = quiet.beside(&faulty, allowed);
    let mut problems: Vec<_> = rounds.iter().flat_map(|round| round.problems.clone()).collect();
    for (kind, ratio) in KINDS.iter().zip(ratios) {
        if ratio.faulty > allowed(ratio.quiet) {
            let Ratio { quiet, faulty } = ratio;
            problems.push(format!("{kind}: {faulty:?} for 99 of 100, {quiet:?} when quiet"));
        }
    }
    Outcome {
        cell: *cell,
        ratios,
        recovery: median(rounds.iter().map(|round| round.recovery)),
        peak: rounds.iter().map(|round| round.peak).max().unwrap_or(0),
        problems,
    }
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}
