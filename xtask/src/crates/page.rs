//! The table on the page: made from rows, and read back for what is not measured anew.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

pub(super) const PAGE: &str = "docs/crates.md";
const BEGIN: &str = "<!-- crates: begin -->\n";
const END: &str = "<!-- crates: end -->";
const HEAD: &str = "\n| crate | dependencies | all that it is built with | without default features | Rust | processor time |\n\
                    | --- | --- | --- | --- | --- | --- |\n";

/// What one crate costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    /// Dependencies, by default features.
    pub(super) direct: usize,
    /// All that it is built with.
    pub(super) total: usize,
    pub(super) lean: usize,
    /// The newest Rust that something of it asks for.
    pub(super) rust: String,
    /// Processor time of a build from nothing.
    pub(super) seconds: Option<u32>,
}

impl Row {
    fn line(&self) -> String {
        let Self { name, direct, total, lean, rust, seconds } = self;
        let lean = if lean == total { "the same".to_owned() } else { lean.to_string() };
        let seconds = seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"));
        format!("| `{name}` | {direct} | {total} | {lean} | {rust} | {seconds} |\n")
    }
}

/// The seconds on a page, by crate.
pub(super) fn measured(page: &str) -> BTreeMap<String, u32> {
    let table =
        page.split(BEGIN).nth(1).and_then(|rest| rest.split(END).next()).unwrap_or_default();
    let seconds = table.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let seconds = cells.get(6)?.strip_suffix(" s")?.parse().ok()?;
        Some((cells.get(1)?.trim_matches('`').to_owned(), seconds))
    });
    seconds.collect()
}

/// The page with these rows in place of its own.
///
/// # Errors
///
/// When it has no place for them.
pub(super) fn with_table(page: &str, rows: &[Row]) -> Result<String> {
    let (head, rest) = page.split_once(BEGIN).context("where the table begins")?;
    let (_, tail) = rest.split_once(END).context("where the table ends")?;
    let lines: String = rows.iter().map(Row::line).collect();
    Ok([head, BEGIN, HEAD, &lines, "\n", END, tail].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let row = |name: &str, lean, seconds| Row {
            name: name.to_owned(),
            direct: 2,
            total: 9,
            lean,
            rust: "1.89".to_owned(),
            seconds,
        };
        let page = format!("a\n{BEGIN}old\n{END}\nb\n");
        let page = with_table(&page, &[row("x", 9, Some(7)), row("y", 3, None)]).unwrap();
        assert!(page.contains("| `x` | 2 | 9 | the same | 1.89 | 7 s |\n"), "{page}");
        assert!(page.contains("| `y` | 2 | 9 | 3 | 1.89 | - |\n"), "{page}");
        assert_eq!(measured(&page), BTreeMap::from([("x".to_owned(), 7)]));
        assert!(with_table("nothing", &[]).is_err());
    }
}
