//! What was measured, for people and for programs. Pure but for the description of the machine.

mod json;
mod machine;
mod markdown;
mod svg;
mod text;

use std::time::Duration;

use super::row::{Cell, Row};
pub use json::json;
pub use machine::Machine;
pub use markdown::markdown;
pub use svg::{Plot, plots};
pub use text::text;

/// All that a run found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where it ran.
    pub machine: Machine,
    /// The figures, in the order of the cases.
    pub rows: Vec<Row>,
    /// Cases that broke, and why.
    pub failures: Vec<(String, String)>,
    /// How long it all took.
    pub took: Duration,
    /// Whether the sizes were small.
    pub quick: bool,
}

/// A cell for people: the figure.
fn shown(row: &Row, cell: &Cell) -> String {
    match cell {
        Cell::Measured(sample) => row.unit.show(row.statistic.of(sample)),
        Cell::Stopped(after) => format!("stopped after {} s", after.as_secs()),
        Cell::Absent => "-".to_owned(),
    }
}

/// A cell's spread for people, where there is one.
fn spread(row: &Row, cell: &Cell) -> String {
    match cell.sample() {
        Some(sample) if sample.values().len() > 1 => {
            let (low, high) = sample.spread();
            let [low, high] = [low, high].map(|value| row.unit.show(value));
            if low == high { String::new() } else { format!("{low} to {high}") }
        }
        _ => String::new(),
    }
}

/// The ratio for people.
fn ratio(row: &Row) -> String {
    row.ratio().map_or_else(String::new, super::goals::show_ratio)
}

/// How much the bound is, and how many times it ours needs.
fn bound(row: &Row) -> String {
    match (row.bound(), row.over_bound()) {
        (Some(bound), Some(over)) => format!("{} ({over:.2} ×)", row.unit.show(bound)),
        _ => String::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::row::tests::row;

    /// A small report with everything in it.
    pub(super) fn report() -> Report {
        let mut rows = Vec::new();
        for (size, ours, theirs) in [(10, 0.02, 0.1), (1000, 0.1, 1.0), (50_000, 5.0, 99.0)] {
            let case = format!("start/pci-{size}");
            rows.push(row(&case, "time", ours, theirs));
            rows.push(row(&case, "memory", ours, theirs));
        }
        rows[4].theirs = Cell::Stopped(Duration::from_secs(120));
        rows[5].theirs = Cell::Stopped(Duration::from_secs(120));
        rows[2].ours = Cell::of(vec![0.09, 0.1, 0.13]);
        rows[2].bound = Cell::of(vec![0.08]);
        let machine = Machine {
            processor: "Fast <1>".to_owned(),
            processors: 2,
            kernel: "6.18".to_owned(),
            peer: "libvirt 11.3.0".to_owned(),
            ours: "nodedevd 0.1.0".to_owned(),
        };
        let failures = vec![("burst/net-100".to_owned(), "no word of | b7".to_owned())];
        Report { machine, rows, failures, took: Duration::from_secs(61), quick: false }
    }

    #[test]
    fn cells_say_what_was_found() {
        let report = report();
        let [few, many] = [&report.rows[2], &report.rows[4]];
        assert_eq!(shown(few, &few.ours), "100 ms");
        assert_eq!(spread(few, &few.ours), "90.0 ms to 130 ms");
        assert_eq!(bound(few), "80.0 ms (1.25 ×)");
        assert_eq!(shown(many, &many.theirs), "stopped after 120 s");
        assert_eq!(ratio(many), "≥ 24.0 ×");
    }
}
