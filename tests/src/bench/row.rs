//! One figure of both daemons: what was measured, and how the two compare. Pure.

use std::time::Duration;

use super::sample::{Sample, Statistic};

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Mebibytes.
    Mebibytes,
    /// Things.
    Count,
    /// Things in a second.
    PerSecond,
}

impl Unit {
    /// Whether more is better.
    #[must_use]
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::PerSecond)
    }

    /// Its name in machine-readable reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Mebibytes => "MiB",
            Self::Count => "count",
            Self::PerSecond => "1/s",
        }
    }

    /// A value for people, of three digits.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        let digits = |value: f64| match value.abs() {
            size if size >= 99.95 => format!("{value:.0}"),
            size if size >= 9.995 => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        };
        match self {
            Self::Seconds if value.abs() >= 0.9995 => format!("{} s", digits(value)),
            Self::Seconds if value.abs() >= 0.000_999_5 => format!("{} ms", digits(value * 1e3)),
            Self::Seconds => format!("{} µs", digits(value * 1e6)),
            Self::Mebibytes => format!("{} MiB", digits(value)),
            Self::Count => format!("{value:.0}"),
            Self::PerSecond => format!("{}/s", digits(value)),
        }
    }
}

/// What was found of one daemon.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Measurements.
    Measured(Sample),
    /// It had not finished after so long.
    Stopped(Duration),
    /// It was not asked, or this cannot be measured here.
    Absent,
}

impl Cell {
    /// These measurements, if there are any.
    #[must_use]
    pub fn of(values: Vec<f64>) -> Self {
        Sample::of(values).map_or(Self::Absent, Self::Measured)
    }

    /// The measurements.
    #[must_use]
    pub const fn sample(&self) -> Option<&Sample> {
        match self {
            Self::Measured(sample) => Some(sample),
            _ => None,
        }
    }
}

/// A figure of both daemons.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The case that it belongs to.
    pub case: String,
    /// What was measured.
    pub figure: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What of the measurements is the figure.
    pub statistic: Statistic,
    /// What our daemon needs.
    pub ours: Cell,
    /// What libvirt's daemon needs.
    pub theirs: Cell,
    /// What cannot be done with less, in the same run.
    pub bound: Cell,
}

/// How many times better ours is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ratio {
    /// So many times.
    Exactly(f64),
    /// So many times or more: libvirt's was stopped.
    AtLeast(f64),
}

impl Ratio {
    /// The number.
    #[must_use]
    pub const fn value(self) -> f64 {
        match self {
            Self::Exactly(value) | Self::AtLeast(value) => value,
        }
    }
}

impl Row {
    /// Ours, as a number.
    #[must_use]
    pub fn ours(&self) -> Option<f64> {
        self.ours.sample().map(|sample| self.statistic.of(sample))
    }

    /// libvirt's, as a number.
    #[must_use]
    pub fn theirs(&self) -> Option<f64> {
        self.theirs.sample().map(|sample| self.statistic.of(sample))
    }

    /// The bound, as a number.
    #[must_use]
    pub fn bound(&self) -> Option<f64> {
        self.bound.sample().map(Sample::median)
    }

    /// How many times better ours is; nothing where there is nothing to divide.
    #[must_use]
    pub fn ratio(&self) -> Option<Ratio> {
        let ours = self.ours()?;
        if let (Cell::Stopped(after), Unit::Seconds) = (&self.theirs, self.unit) {
            return (ours > 0.0).then(|| Ratio::AtLeast(after.as_secs_f64() / ours));
        }
        let theirs = self.theirs()?;
        let (better, worse) =
            if self.unit.more_is_better() { (theirs, ours) } else { (ours, theirs) };
        (better > 0.0).then_some(Ratio::Exactly(worse / better))
    }

    /// How many times the bound ours needs.
    #[must_use]
    pub fn over_bound(&self) -> Option<f64> {
        self.bound().filter(|bound| *bound > 0.0).and_then(|bound| Some(self.ours()? / bound))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench) fn row(case: &str, figure: &'static str, ours: f64, theirs: f64) -> Row {
        Row {
            case: case.to_owned(),
            figure,
            unit: Unit::Seconds,
            statistic: Statistic::Median,
            ours: Cell::of(vec![ours]),
            theirs: Cell::of(vec![theirs]),
            bound: Cell::Absent,
        }
    }

    #[test]
    fn a_ratio_is_how_many_times_better_ours_is() {
        let mut row = row("a", "time", 2.0, 20.0);
        assert_eq!(row.ratio(), Some(Ratio::Exactly(10.0)));
        row.unit = Unit::PerSecond;
        assert_eq!(row.ratio(), Some(Ratio::Exactly(0.1)));
        row.unit = Unit::Seconds;
        row.theirs = Cell::Stopped(Duration::from_secs(120));
        assert_eq!(row.ratio(), Some(Ratio::AtLeast(60.0)));
        row.unit = Unit::Mebibytes;
        assert_eq!(row.ratio(), None, "memory of a daemon that was stopped says nothing");
        row.theirs = Cell::Absent;
        assert_eq!(row.ratio(), None);
        row.bound = Cell::of(vec![0.5]);
        assert_eq!(row.over_bound(), Some(4.0));
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(row("a", "processes", 0.0, 4000.0).ratio(), None);
    }

    #[test]
    fn values_have_three_digits() {
        let shown = [12.345, 1.0, 0.012_345, 0.000_123_4].map(|value| Unit::Seconds.show(value));
        assert_eq!(shown, ["12.3 s", "1.00 s", "12.3 ms", "123 µs"]);
        assert_eq!(Unit::Seconds.show(-0.000_02), "-20.0 µs");
        assert_eq!(Unit::Mebibytes.show(130.4), "130 MiB");
        assert_eq!(Unit::Count.show(4000.0), "4000");
        assert_eq!(Unit::PerSecond.show(3.21), "3.21/s");
    }
}
