//! The report as the page `docs/performance.md`.

use std::fmt::Write as _;

use super::{Report, bound, plots, ratio, shown, spread};
use crate::bench::case;
use crate::bench::goals;

const HEAD: &str = "\
# Performance

Made by `cargo xtask bench --write`; do not edit. What is measured and how stands in
[tests/README.md](../tests/README.md#measuring).

Every figure is of our daemon and of libvirt's own, measured in turn in one run on one machine, on the same
hosts, by the same clients. A figure is the median of the repetitions unless it says p99; the ratio is how
many times better ours is. A daemon that took longer than two minutes was stopped. Machines differ:
quote ratios.

";

const AFTER_GOALS: &str = "\
What stops the goals that are not met stands in [performance-limits.md](performance-limits.md).

The bound is a bare loop that reads the same files as our daemon, once each and one after the other,
and does nothing with them. Time for a start is from the exec to the complete list in the client's hands, with what
the stage around the daemon takes (about 10 ms), which is the same for all three.

";

/// The page.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut page = HEAD.to_owned();
    let machine = &report.machine;
    // Writing to a string cannot fail.
    let _ = writeln!(
        page,
        "Measured on {} × {}, Linux {}: {} beside {}.{}\n",
        machine.processors,
        machine.processor,
        machine.kernel,
        machine.ours,
        machine.peer,
        if report.quick { " Small sizes only." } else { "" }
    );
    page.push_str("## Goals\n\n| goal | found | |\n| --- | --- | --- |\n");
    for judged in goals::judge(&report.rows) {
        let _ =
            writeln!(page, "| {} | {} | {} |", judged.goal, judged.found, judged.verdict.name());
    }
    page.push('\n');
    page.push_str(AFTER_GOALS);
    for plot in plots(&report.rows) {
        let _ = writeln!(page, "![{}]({})\n", plot.title, plot.file);
    }
    page.push_str("## Figures\n");
    tables(report, &mut page);
    if !report.failures.is_empty() {
        page.push_str("\n## What could not be measured\n\n");
        for (case, why) in &report.failures {
            let _ = writeln!(page, "- `{case}`: {}", why.replace('\n', " "));
        }
    }
    page
}

fn tables(report: &Report, page: &mut String) {
    let mut last = "";
    let cases = case::all(report.quick);
    for row in &report.rows {
        if row.case != last {
            last = &row.case;
            let about = cases.iter().find(|case| case.name == row.case).map_or("", |c| c.about);
            let _ = writeln!(page, "\n### `{}`\n\n{about}.\n", row.case);
            page.push_str("| | ours | libvirt | ratio | bound | spread of ours | of libvirt's |\n");
            page.push_str("| --- | ---: | ---: | ---: | ---: | --- | --- |\n");
        }
        let p99 = if row.statistic.name() == "p99" { ", p99" } else { "" };
        let _ = writeln!(
            page,
            "| {}{p99} | {} | {} | {} | {} | {} | {} |",
            row.figure,
            shown(row, &row.ours),
            shown(row, &row.theirs),
            ratio(row),
            bound(row),
            spread(row, &row.ours),
            spread(row, &row.theirs),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_and_goal_has_a_line() {
        let page = markdown(&super::super::tests::report());
        let line = "| time | 100 ms | 1.00 s | 10.0 × | 80.0 ms (1.25 ×) | 90.0 ms to 130 ms |  |";
        assert!(page.lines().any(|found| found == line), "{page}");
        assert!(page.contains("2 × Fast <1>, Linux 6.18: nodedevd 0.1.0 beside libvirt 11.3.0."));
        assert!(page.contains("stopped after 120 s"));
        assert!(page.contains("| not measured |"));
        assert!(page.contains("- `burst/net-100`: no word of | b7"));
        assert!(page.contains("](performance-start.svg)"));
    }
}
