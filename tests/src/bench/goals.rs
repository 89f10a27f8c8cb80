//! What the figures have to be, and whether they are. Pure: a table, and how it is judged.

use super::row::{Ratio, Row};

/// What is asked of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Test {
    /// So many times better than libvirt's.
    TimesBetter(f64),
    /// At most so many times the bound.
    WithinBound(f64),
    /// At most this number.
    AtMost(f64),
    /// For each device at most so many times what it is on the host of another case.
    GrowsFrom(&'static str, f64),
    /// At most so many times another figure of the same case.
    ToFigure(&'static str, f64),
}

/// A goal: the words, the case, the figure, what of it, and what is asked. Of a figure with two
/// statistics the second is meant with `p99` in front.
type Line = (&'static str, &'static str, &'static str, Test);

const TABLE: &[Line] = &[
    (
        "start, 10,000 PCI devices: 10 times faster",
        "start/pci-10000",
        "time",
        Test::TimesBetter(10.0),
    ),
    (
        "start, 10,000 PCI devices: within 2 times a bare loop that reads the same files",
        "start/pci-10000",
        "time",
        Test::WithinBound(2.0),
    ),
    (
        "start, from 1,000 to 50,000 PCI devices: time for each device grows by less than 1.2 times",
        "start/pci-50000",
        "time",
        Test::GrowsFrom("start/pci-1000", 1.2),
    ),
    (
        "start, 1,000 mediated devices: 50 times faster",
        "start/mdev-1000",
        "time",
        Test::TimesBetter(50.0),
    ),
    (
        "start, 1,000 mediated devices: at most 2 runs of mdevctl",
        "start/mdev-1000",
        "processes",
        Test::AtMost(2.0),
    ),
    (
        "start, 5,000 real interfaces: 3 times faster",
        "start/net-5000",
        "time",
        Test::TimesBetter(3.0),
    ),
    (
        "listAllDevices, 5,000 devices: 10 times faster",
        "list/net-5000",
        "listAllDevices",
        Test::TimesBetter(10.0),
    ),
    (
        "listAllDevices, 5,000 devices: no file opened",
        "list/net-5000",
        "files opened",
        Test::AtMost(0.0),
    ),
    (
        "list and XML of all, one connection of python: 2 times faster",
        "documents/net-5000",
        "list and XML of all",
        Test::TimesBetter(2.0),
    ),
    (
        "list and XML of all: a quarter of the daemon's processor time",
        "documents/net-5000",
        "its processor time",
        Test::TimesBetter(4.0),
    ),
    (
        "add to created, daemon's share: p99 3 times lower",
        "latency/net-100",
        "p99 add to created",
        Test::TimesBetter(3.0),
    ),
    (
        "remove to deleted, daemon's share: median 10 times lower",
        "latency/net-100",
        "remove to deleted",
        Test::TimesBetter(10.0),
    ),
    ("remove to deleted: no process", "latency/net-100", "processes, removals", Test::AtMost(0.0)),
    (
        "2,000 removals at once: last event within 0.5 s of udevd's last broadcast",
        "burst/net-100",
        "removals, behind udevd",
        Test::AtMost(0.5),
    ),
    (
        "unrelated removals, 1,000 mediated devices: no `updated` event",
        "unrelated/mdev-1000",
        "false updates",
        Test::AtMost(0.0),
    ),
    (
        "unrelated removals, 1,000 mediated devices: no process",
        "unrelated/mdev-1000",
        "processes",
        Test::AtMost(0.0),
    ),
    (
        "anonymous memory, 10,000 PCI devices: at most libvirt's",
        "start/pci-10000",
        "memory",
        Test::TimesBetter(1.0),
    ),
    (
        "anonymous memory after a burst of 2,000: back to within 10 %",
        "memory/pci-10000",
        "after",
        Test::ToFigure("before", 1.1),
    ),
    (
        "100 clients that list 5,000 devices at once: 10 times the throughput",
        "clients/net-5000",
        "lists of 100 clients",
        Test::TimesBetter(10.0),
    ),
];

/// Whether a goal is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Met,
    /// It is not.
    Missed,
    /// The figures that it takes were not measured.
    Unmeasured,
}

impl Verdict {
    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "not met",
            Self::Unmeasured => "not measured",
        }
    }
}

/// A goal that was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What is to be.
    pub goal: &'static str,
    /// What is.
    pub found: String,
    /// Whether that is enough.
    pub verdict: Verdict,
}

/// Every goal.
#[must_use]
pub fn judge(rows: &[Row]) -> Vec<Judged> {
    TABLE.iter().map(|line| judge_line(line, rows)).collect()
}

fn judge_line(&(goal, case, figure, test): &Line, rows: &[Row]) -> Judged {
    let found = find(rows, case, figure).and_then(|row| test.of(row, rows));
    match found {
        Some((found, is_met)) => {
            let verdict = if is_met { Verdict::Met } else { Verdict::Missed };
            Judged { goal, found, verdict }
        }
        None => Judged { goal, found: "-".to_owned(), verdict: Verdict::Unmeasured },
    }
}

fn find<'a>(rows: &'a [Row], case: &str, figure: &str) -> Option<&'a Row> {
    let (statistic, figure) = match figure.strip_prefix("p99 ") {
        Some(rest) => ("p99", rest),
        None => ("median", figure),
    };
    rows.iter()
        .find(|row| row.case == case && row.figure == figure && row.statistic.name() == statistic)
}

impl Test {
    /// What was found, and whether it is enough.
    fn of(self, row: &Row, rows: &[Row]) -> Option<(String, bool)> {
        match self {
            Self::TimesBetter(wanted) => {
                let ratio = row.ratio()?;
                Some((show_ratio(ratio), ratio.value() >= wanted))
            }
            Self::WithinBound(wanted) => {
                let over = row.over_bound()?;
                Some((format!("{over:.2} times the bound"), over <= wanted))
            }
            Self::AtMost(wanted) => {
                let ours = row.ours()?;
                Some((row.unit.show(ours), ours <= wanted))
            }
            Self::GrowsFrom(case, wanted) => {
                let small = find(rows, case, row.figure)?;
                let (each, each_of_few) = (per_device(row, rows)?, per_device(small, rows)?);
                let grown = each / each_of_few;
                let (few, many) = (row.unit.show(each_of_few), row.unit.show(each));
                let found = format!("{grown:.2} times ({few} to {many} each)");
                Some((found, grown < wanted))
            }
            Self::ToFigure(figure, wanted) => {
                let before = find(rows, &row.case, figure)?.ours()?;
                let times = row.ours()? / before;
                let shown = [before, row.ours()?].map(|value| row.unit.show(value));
                Some((format!("{times:.2} times ({} to {})", shown[0], shown[1]), times <= wanted))
            }
        }
    }
}

/// A ratio for people.
#[must_use]
pub fn show_ratio(ratio: Ratio) -> String {
    let number = |value: f64| match value {
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    };
    match ratio {
        Ratio::Exactly(value) => format!("{} ×", number(value)),
        Ratio::AtLeast(value) => format!("≥ {} ×", number(value)),
    }
}

fn per_device(row: &Row, rows: &[Row]) -> Option<f64> {
    Some(row.ours()? / find(rows, &row.case, "devices")?.ours()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::row::tests::row;
    use super::super::row::{Cell, Unit};
    use super::super::sample::Statistic;
    use super::*;

    fn of(goal: &str, rows: &[Row]) -> Judged {
        judge(rows).into_iter().find(|judged| judged.goal.starts_with(goal)).unwrap()
    }

    #[test]
    fn without_figures_nothing_is_met_and_nothing_missed() {
        assert!(judge(&[]).iter().all(|judged| judged.verdict == Verdict::Unmeasured));
    }

    #[test]
    fn ratios_and_bounds_decide() {
        let mut start = row("start/pci-10000", "time", 1.0, 9.9);
        start.bound = Cell::of(vec![0.5]);
        let judged = of("start, 10,000 PCI devices: 10", &[start.clone()]);
        assert_eq!((judged.verdict, judged.found.as_str()), (Verdict::Missed, "9.90 ×"));
        assert_eq!(of("start, 10,000 PCI devices: within", &[start.clone()]).verdict, Verdict::Met);
        start.theirs = Cell::Stopped(Duration::from_secs(120));
        let judged = of("start, 10,000 PCI devices: 10", &[start]);
        assert_eq!((judged.verdict, judged.found.as_str()), (Verdict::Met, "≥ 120 ×"));
    }

    #[test]
    fn growth_is_of_each_device() {
        let with = |case: &str, time, devices| {
            let count = Row { unit: Unit::Count, ..row(case, "devices", devices, devices) };
            [row(case, "time", time, 99.0), count]
        };
        let rows = [with("start/pci-1000", 0.1, 1000.0), with("start/pci-50000", 5.9, 50_000.0)];
        let judged = of("start, from 1,000", &rows.concat());
        assert_eq!(judged.verdict, Verdict::Met);
        assert_eq!(judged.found, "1.18 times (100 µs to 118 µs each)");
        let rows = [with("start/pci-1000", 0.1, 1000.0), with("start/pci-50000", 6.1, 50_000.0)];
        assert_eq!(of("start, from 1,000", &rows.concat()).verdict, Verdict::Missed);
    }

    #[test]
    fn the_statistic_is_told_apart() {
        let case = "latency/net-100";
        let mut rows = vec![row(case, "add to created", 1.0, 1.0)];
        assert_eq!(of("add to created", &rows).verdict, Verdict::Unmeasured);
        rows.push(Row { statistic: Statistic::P99, ..row(case, "add to created", 1.0, 3.5) });
        assert_eq!(of("add to created", &rows).verdict, Verdict::Met);
    }

    #[test]
    fn numbers_and_other_figures_decide() {
        let case = "memory/pci-10000";
        let rows = [row(case, "before", 10.0, 0.0), row(case, "after", 11.5, 0.0)];
        assert_eq!(of("anonymous memory after", &rows).verdict, Verdict::Missed);
        let updates =
            Row { unit: Unit::Count, ..row("unrelated/mdev-1000", "false updates", 0.0, 9.0) };
        assert_eq!(
            of("unrelated removals, 1,000 mediated devices: no `u", &[updates]).verdict,
            Verdict::Met
        );
    }

    /// A goal for a figure that nothing measures would never be missed.
    #[test]
    fn every_goal_is_of_a_case_that_there_is() {
        let cases: Vec<_> = super::super::case::all(false).into_iter().map(|c| c.name).collect();
        for (goal, case, _, _) in TABLE {
            assert!(cases.iter().any(|name| name == case), "{goal}: {case}");
        }
    }
}
