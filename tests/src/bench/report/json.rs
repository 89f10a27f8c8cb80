//! The report for programs: every measurement.

use serde_json::{Value, json};

use super::Report;
use crate::bench::goals;
use crate::bench::row::{Cell, Ratio, Row};

/// The report as JSON.
#[must_use]
pub fn json(report: &Report) -> Value {
    let machine = &report.machine;
    let goals: Vec<_> = goals::judge(&report.rows)
        .into_iter()
        .map(|j| json!({"goal": j.goal, "found": j.found, "verdict": j.verdict.name()}))
        .collect();
    let failures: Vec<_> =
        report.failures.iter().map(|(case, why)| json!({"case": case, "why": why})).collect();
    json!({
        "machine": {
            "processor": machine.processor,
            "processors": machine.processors,
            "kernel": machine.kernel,
            "libvirt": machine.peer,
            "nodedevd": machine.ours,
        },
        "quick": report.quick,
        "seconds": report.took.as_secs_f64(),
        "rows": report.rows.iter().map(row).collect::<Vec<_>>(),
        "goals": goals,
        "failures": failures,
    })
}

fn row(row: &Row) -> Value {
    let (ratio, is_least) = match row.ratio() {
        Some(Ratio::Exactly(value)) => (Some(value), false),
        Some(Ratio::AtLeast(value)) => (Some(value), true),
        None => (None, false),
    };
    json!({
        "case": row.case,
        "figure": row.figure,
        "unit": row.unit.name(),
        "statistic": row.statistic.name(),
        "ours": cell(row, &row.ours),
        "libvirt": cell(row, &row.theirs),
        "bound": cell(row, &row.bound),
        "ratio": ratio,
        "ratio_is_at_least": is_least,
    })
}

fn cell(row: &Row, cell: &Cell) -> Value {
    match cell {
        Cell::Measured(sample) => {
            let (low, high) = sample.spread();
            json!({
                "value": row.statistic.of(sample),
                "low": low,
                "high": high,
                "measured": sample.values(),
            })
        }
        Cell::Stopped(after) => json!({"stopped_after": after.as_secs_f64()}),
        Cell::Absent => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_in_it() {
        let json = json(&super::super::tests::report());
        assert_eq!(json["rows"][2]["ours"]["measured"].as_array().unwrap().len(), 3);
        assert_eq!(json["rows"][2]["ratio"], 10.0);
        assert_eq!(json["rows"][4]["libvirt"]["stopped_after"], 120.0);
        assert_eq!(json["rows"][4]["ratio_is_at_least"], true);
        assert_eq!(json["failures"][0]["case"], "burst/net-100");
        assert!(json["goals"].as_array().unwrap().len() > 10);
    }
}
