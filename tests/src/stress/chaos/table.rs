//! The matrix as a table for people, and its place in a page.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Outcome;
use super::measure::KINDS;

const BEGIN: &str = "<!-- chaos: begin -->";
const END: &str = "<!-- chaos: end -->";

/// The rows, and below them what did not hold.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "| who | misbehaves | how | {} | well again after | at most |\n| --- | --- | --- |{} ---: | ---: |\n",
        KINDS.join(" | "),
        " ---: |".repeat(KINDS.len()),
    );
    for outcome in outcomes {
        let (cell, figures) = (&outcome.cell, &outcome.ratios);
        let ratios: Vec<_> = figures.iter().map(|ratio| ratio.to_string()).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.1} s | {} MiB |",
            cell.who.name(),
            cell.way,
            cell.how,
            ratios.join(" | "),
            outcome.recovery.as_secs_f64(),
            outcome.peak >> 10,
        );
    }
    text
}

/// Puts the table between its marks in the page.
///
/// # Errors
///
/// When the page cannot be read or written, or has no such marks.
pub(super) fn write(page: &Path, table: &str) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let text =
        replaced(&text, table).with_context(|| format!("{} has no marks", page.display()))?;
    fs::write(page, text).with_context(|| page.display().to_string())
}

fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

/// How much longer something took, as the table shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ratio {
    /// The quiet time's.
    pub(super) quiet: Duration,
    /// With the fault.
    pub(super) faulty: Duration,
}

impl Ratio {
    /// How many times as long.
    pub(super) fn factor(self) -> f64 {
        self.faulty.as_secs_f64() / self.quiet.as_secs_f64().max(1e-6)
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1}", self.factor())?;
        // So that it can be told from noise.
        if self.factor() > 2.0 {
            let more = self.faulty.saturating_sub(self.quiet);
            write!(f, " (+{:.1} ms)", more.as_secs_f64() * 1000.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_replaces_what_is_between_the_marks() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replaced(&page, "| x |\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\n\n| x |\n\n{END}\nb\n"));
        assert_eq!(replaced(&new, "| x |\n").unwrap(), new);
        assert_eq!(replaced("without", ""), None);
    }

    #[test]
    fn a_ratio_above_two_says_how_much_it_is() {
        let ratio = |quiet, faulty| Ratio {
            quiet: Duration::from_micros(quiet),
            faulty: Duration::from_micros(faulty),
        };
        assert_eq!(ratio(100, 150).to_string(), "1.5");
        assert_eq!(ratio(100, 400).to_string(), "4.0 (+0.3 ms)");
    }
}
