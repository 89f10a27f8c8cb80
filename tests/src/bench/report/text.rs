//! The report for a terminal.

use std::fmt::Write as _;

use super::{Report, bound, ratio, shown, spread};
use crate::bench::goals;

/// Heads of the columns.
const HEADS: [&str; 7] = ["", "", "ours", "libvirt", "ratio", "bound", "spread of ours"];

/// The report as lines.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut lines = vec![HEADS.map(str::to_owned)];
    let mut last = "";
    for row in &report.rows {
        let case = if row.case == last { String::new() } else { row.case.clone() };
        last = &row.case;
        lines.push([
            case,
            format!("{} {}", row.figure, if row.statistic.name() == "p99" { "(p99)" } else { "" }),
            shown(row, &row.ours),
            shown(row, &row.theirs),
            ratio(row),
            bound(row),
            spread(row, &row.ours),
        ]);
    }
    let mut text = table(&lines);
    // Writing to a string cannot fail.
    let _ = writeln!(text);
    let judged = goals::judge(&report.rows);
    let measured = judged.iter().filter(|j| j.verdict != goals::Verdict::Unmeasured);
    for goal in measured {
        let _ = writeln!(text, "{:8} {}: {}", goal.verdict.name(), goal.goal, goal.found);
    }
    for (case, why) in &report.failures {
        let _ = writeln!(text, "failed   {case}: {why}");
    }
    let _ = writeln!(text, "{:.0} s", report.took.as_secs_f64());
    text
}

fn table(lines: &[[String; 7]]) -> String {
    let width = |column: usize| {
        lines.iter().map(|line| line[column].trim_end().chars().count()).max().unwrap_or_default()
    };
    let mut text = String::new();
    for line in lines {
        let mut shown = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = width(column);
            let _ = write!(shown, "{:width$}  ", cell.trim_end());
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_stand_below_each_other() {
        let text = text(&super::super::tests::report());
        let lines: Vec<_> = text.lines().collect();
        let at = lines[0].find("libvirt").unwrap();
        assert!(lines[1][at..].starts_with("100 ms"), "{text}");
        assert!(lines[5][at..].starts_with("stopped after 120 s"), "{text}");
        assert!(text.contains("failed   burst/net-100: no word"), "{text}");
        assert!(!text.contains("not measured"), "{text}");
    }
}
