//! Plots of figures over the number of devices, both axes logarithmic. Pure.

use std::fmt::Write as _;

use crate::bench::row::{Row, Unit};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
/// Room for the labels at each side.
const MARGIN: f64 = 64.0;
/// Colours that people tell apart who tell few: ours, libvirt's, the bound.
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#777777"];
const NAMES: [&str; 3] = ["nodedevd", "libvirt", "bare loop"];

/// A plot, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// What it shows.
    pub title: &'static str,
    /// Name of its file.
    pub file: &'static str,
    /// Its contents.
    pub svg: String,
}

/// Start time and memory over the number of PCI devices, as far as they were measured.
#[must_use]
pub fn plots(rows: &[Row]) -> Vec<Plot> {
    let wanted = [
        ("Time to start over the number of PCI devices", "performance-start.svg", "time"),
        ("Anonymous memory over the number of PCI devices", "performance-memory.svg", "memory"),
    ];
    let mut plots = Vec::new();
    for (title, file, figure) in wanted {
        let rows: Vec<_> = rows.iter().filter(|row| row.figure == figure).collect();
        let lines = lines(&rows, "start/pci-");
        let unit = rows.first().map_or(Unit::Seconds, |row| row.unit);
        if lines.iter().any(|line| line.len() > 1) {
            plots.push(Plot { title, file, svg: draw(title, unit, &lines) });
        }
    }
    plots
}

/// Points of each line: devices and value.
fn lines(rows: &[&Row], cases: &str) -> [Vec<(f64, f64)>; 3] {
    let mut lines = [Vec::new(), Vec::new(), Vec::new()];
    for row in rows {
        let size = row.case.strip_prefix(cases).and_then(|size| size.parse::<f64>().ok());
        let Some(size) = size else { continue };
        for (line, value) in lines.iter_mut().zip([row.ours(), row.theirs(), row.bound()]) {
            line.extend(value.filter(|value| *value > 0.0).map(|value| (size, value)));
        }
    }
    lines
}

/// One axis: the powers of ten that hold all values.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let high = values.fold(0.0, f64::max).log10().ceil();
        Self { low, high: high.max(low + 1.0) }
    }

    /// Where a value lies, from 0 to 1.
    fn place(self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    fn ticks(self) -> impl Iterator<Item = f64> {
        let powers = std::iter::successors(Some(self.low), |power| Some(power + 1.0));
        powers.take_while(move |power| *power <= self.high).map(|power| 10_f64.powf(power))
    }
}

fn draw(title: &str, unit: Unit, lines: &[Vec<(f64, f64)>; 3]) -> String {
    let across = Axis::of(lines.iter().flatten().map(|point| point.0));
    let up = Axis::of(lines.iter().flatten().map(|point| point.1));
    let x = |value: f64| MARGIN + across.place(value) * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| HEIGHT - MARGIN - up.place(value) * (HEIGHT - 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"28\" font-size=\"15\">{}</text>\n",
        escape(title)
    );
    // Writing to a string cannot fail.
    for tick in across.ticks() {
        let (at, top, bottom) = (x(tick), MARGIN, HEIGHT - MARGIN);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {top:.1}V{bottom:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick:.0}</text>",
            bottom + 18.0
        );
    }
    for tick in up.ticks() {
        let (at, left, right) = (y(tick), MARGIN, WIDTH - MARGIN);
        let _ = writeln!(
            svg,
            "<path d=\"M{left:.1} {at:.1}H{right:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            at + 4.0,
            escape(&label(unit, tick))
        );
    }
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let colour = COLOURS[number];
        let points: Vec<_> =
            line.iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        for (a, b) in line {
            let shown = escape(&format!("{}: {a:.0} devices, {}", NAMES[number], unit.show(*b)));
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{shown}</title></circle>",
                x(*a),
                y(*b)
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "three lines")]
        let at = WIDTH - MARGIN - 90.0 * (3 - number) as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{at:.1}\" y=\"42\" width=\"12\" height=\"4\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"48\">{}</text>",
            at + 18.0,
            NAMES[number]
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A power of ten, without digits that say nothing.
fn label(unit: Unit, value: f64) -> String {
    unit.show(value).replace(".00", "").replace(".0", "")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_daemon_has_a_line_of_what_was_measured() {
        let report = super::super::tests::report();
        let plots = plots(&report.rows);
        assert_eq!(plots.len(), 2);
        let document = roxmltree::Document::parse(&plots[0].svg).unwrap();
        let points: Vec<_> = document
            .descendants()
            .filter(|node| node.has_tag_name("polyline"))
            .map(|node| node.attribute("points").unwrap().split(' ').count())
            .collect();
        // libvirt's daemon was stopped at the largest host; the bound has one point.
        assert_eq!(points, [3, 2, 1]);
    }

    #[test]
    fn a_power_of_ten_is_where_it_belongs() {
        let axis = Axis::of([20.0, 5000.0].into_iter());
        assert_eq!((axis.low, axis.high), (1.0, 4.0));
        assert!((axis.place(100.0) - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(
            axis.ticks().map(f64::round).collect::<Vec<_>>(),
            [10.0, 100.0, 1000.0, 10_000.0]
        );
        assert_eq!(label(Unit::Seconds, 0.1), "100 ms");
        assert_eq!(label(Unit::Mebibytes, 10.0), "10 MiB");
    }

    #[test]
    fn nothing_is_drawn_of_one_size() {
        let report = super::super::tests::report();
        assert_eq!(plots(&report.rows[..2]), []);
    }
}
