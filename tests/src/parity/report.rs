//! What came of it, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::compare::Comparison;
use super::intended::RULES;

/// What came of one host.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its name.
    pub host: String,
    /// The comparison, or why there is none.
    pub outcome: Result<Outcome, String>,
    /// How long it took.
    pub seconds: f64,
}

/// A comparison that could be made.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Version of libvirt.
    pub libvirt: String,
    /// How the host was seen, where that is not plain.
    pub remark: Option<&'static str>,
    /// What differs.
    pub comparison: Comparison,
}

impl Report {
    /// A line.
    #[must_use]
    pub fn summary(&self) -> String {
        let seconds = self.seconds;
        match &self.outcome {
            Err(_) => format!("could not be compared ({seconds:.1} s)"),
            Ok(Outcome { comparison, .. }) => {
                let verdict = if comparison.is_clean() { "the same" } else { "NOT the same" };
                format!("{} devices, {verdict} ({seconds:.1} s)", comparison.devices)
            }
        }
    }
}

/// The exit status that these reports stand for: 0 when nothing differs but what should, 1 when
/// something does, 2 when a host could not be compared.
#[must_use]
pub fn status(reports: &[Report]) -> u8 {
    let is_clean = |report: &Report| match &report.outcome {
        Ok(outcome) => Some(outcome.comparison.is_clean()),
        Err(_) => None,
    };
    let verdicts: Vec<_> = reports.iter().map(is_clean).collect();
    if verdicts.contains(&None) || verdicts.is_empty() {
        2
    } else {
        u8::from(verdicts.contains(&Some(false)))
    }
}

const COLUMNS: [&str; 10] = [
    "host",
    "devices",
    "equal",
    "intended",
    "differing",
    "missing",
    "extra",
    "schema",
    "disputed",
    "round trip",
];

fn counts(comparison: &Comparison) -> [usize; 9] {
    [
        comparison.devices,
        comparison.equal,
        comparison.intended.len(),
        comparison.differing.len(),
        comparison.missing.len(),
        comparison.extra.len(),
        comparison.schema.len(),
        comparison.disputed.len(),
        comparison.round_trip.len(),
    ]
}

/// All of it as text: a table, the rules that were used, then what is wrong, of which it shows at
/// most `most` of each kind for each host.
#[must_use]
pub fn text(reports: &[Report], most: usize) -> String {
    let mut text = table(reports);
    text.push_str(&used_rules(reports));
    for report in reports {
        match &report.outcome {
            Ok(outcome) => text.push_str(&findings(&report.host, &outcome.comparison, most)),
            // Writing to a string cannot fail.
            Err(error) => {
                let _ = writeln!(text, "\n{}: could not be compared: {error}", report.host);
            }
        }
    }
    text
}

fn table(reports: &[Report]) -> String {
    let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
    for report in reports {
        let mut row = vec![report.host.clone()];
        match &report.outcome {
            Ok(outcome) => row.extend(counts(&outcome.comparison).map(|n| n.to_string())),
            Err(_) => row.push("failed".to_owned()),
        }
        rows.push(row);
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..COLUMNS.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate();
        let line: Vec<_> = cells
            .map(|(column, (cell, width))| match column {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn used_rules(reports: &[Report]) -> String {
    let mut text = String::new();
    for rule in RULES {
        let devices = reports.iter().filter_map(|report| report.outcome.as_ref().ok());
        let devices = devices.flat_map(|outcome| outcome.comparison.intended.values());
        let count = devices.filter(|rules| rules.contains(rule.id)).count();
        if count > 0 {
            let _ = writeln!(text, "intended: {} ({count}): {}", rule.id, rule.reason);
        }
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn findings(host: &str, comparison: &Comparison, most: usize) -> String {
    let mut text = String::new();
    let names = [("missing", &comparison.missing), ("extra", &comparison.extra)];
    for (what, names) in names {
        if !names.is_empty() {
            let _ = writeln!(text, "\n{host}: {what} with us:");
            list(&mut text, names.iter().map(|name| format!("  {name}")), names.len(), most);
        }
    }
    let kinds = [
        ("differing", &comparison.differing),
        ("refused by libvirt's schema", &comparison.schema),
        ("judged otherwise by our own check", &comparison.disputed),
        ("not understood by our reader", &comparison.round_trip),
    ];
    for (what, found) in kinds {
        if !found.is_empty() {
            let _ = writeln!(text, "\n{host}: {what}:");
            let entries = found.iter().map(|(name, words)| match what {
                "differing" => words.trim_end().to_owned(),
                _ => format!("  {name}: {}", words.trim_end()),
            });
            list(&mut text, entries, found.len(), most);
        }
    }
    text
}

fn list(text: &mut String, entries: impl Iterator<Item = String>, count: usize, most: usize) {
    for entry in entries.take(most) {
        let _ = writeln!(text, "{entry}");
    }
    if count > most {
        let _ = writeln!(text, "  and {} more (--diffs)", count - most);
    }
}

/// All of it for programs, with every finding.
#[must_use]
pub fn json(reports: &[Report]) -> Value {
    let hosts: Vec<_> = reports.iter().map(host_json).collect();
    json!({ "status": status(reports), "hosts": hosts })
}

fn host_json(report: &Report) -> Value {
    let Report { host, seconds, outcome } = report;
    match outcome {
        Err(error) => json!({ "host": host, "seconds": seconds, "error": error }),
        Ok(Outcome { libvirt, remark, comparison }) => json!({
            "host": host,
            "seconds": seconds,
            "libvirt": libvirt,
            "remark": remark,
            "devices": comparison.devices,
            "equal": comparison.equal,
            "intended": comparison.intended,
            "differing": comparison.differing,
            "missing": comparison.missing,
            "extra": comparison.extra,
            "schema": comparison.schema,
            "disputed": comparison.disputed,
            "round_trip": comparison.round_trip,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Result<Comparison, String>) -> Report {
        let outcome = outcome.map(|comparison| Outcome {
            libvirt: "11.3.0".to_owned(),
            remark: None,
            comparison,
        });
        Report { host: "box".to_owned(), outcome, seconds: 1.0 }
    }

    fn faulty() -> Comparison {
        Comparison {
            devices: 2,
            equal: 1,
            differing: [("a".to_owned(), "-x\n+y\n".to_owned())].into(),
            missing: ["b".to_owned(), "c".to_owned()].into(),
            intended: [("d".to_owned(), ["computer-uuid"].into())].into(),
            schema: [("a".to_owned(), "no such element".to_owned())].into(),
            disputed: [("a".to_owned(), "we see nothing wrong".to_owned())].into(),
            ..Comparison::default()
        }
    }

    #[test]
    fn the_status_says_what_came_of_it() {
        let good = || report(Ok(Comparison { devices: 1, equal: 1, ..Comparison::default() }));
        assert_eq!(status(&[good()]), 0);
        assert_eq!(status(&[good(), report(Ok(faulty()))]), 1);
        assert_eq!(status(&[report(Ok(faulty())), report(Err("it died".to_owned()))]), 2);
        assert_eq!(status(&[]), 2, "what compares nothing has proved nothing");
    }

    #[test]
    fn people_see_counts_and_findings() {
        let shown = text(&[report(Ok(faulty())), report(Err("it died".to_owned()))], 1);
        let mut lines = shown.lines();
        let cells =
            |line: Option<&str>| line.unwrap().split_whitespace().map(str::to_owned).collect();
        let title: Vec<String> = cells(lines.next());
        assert_eq!(title.join(" "), COLUMNS.join(" "));
        let row: Vec<String> = cells(lines.next());
        assert_eq!(row, ["box", "2", "1", "1", "1", "2", "0", "1", "1", "0"]);
        assert_eq!(cells(lines.next()) as Vec<String>, ["box", "failed"]);
        for expected in [
            "computer-uuid (1)",
            "-x\n+y",
            "  b\n  and 1 more",
            "no such element",
            "we see nothing wrong",
            "it died",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
        assert!(!shown.contains("  c\n"), "{shown}");
    }

    #[test]
    fn programs_see_everything() {
        let value = json(&[report(Ok(faulty())), report(Err("it died".to_owned()))]);
        assert_eq!(value["status"], 2);
        assert_eq!(value["hosts"][0]["missing"], json!(["b", "c"]));
        assert_eq!(value["hosts"][0]["intended"]["d"], json!(["computer-uuid"]));
        assert_eq!(value["hosts"][1]["error"], "it died");
    }
}
