//! The measuring itself, on hosts so small that the figures say nothing: both daemons are started, asked,
//! told apart and reported.

use nodedev_tests::bench::row::{Cell, Row};
use nodedev_tests::bench::{Bench, Options, report};
use nodedev_tests::command::nodedevd;
use nodedev_tests::require::{mock_hosts, programs, require, root};

const CASES: &[&str] = &["start/pci-10", "unrelated/mdev-40", "list/*", "latency/*"];

#[test]
fn both_daemons_are_measured_and_told_apart() {
    require!(root());
    require!(mock_hosts());
    require!(programs(&["unshare", "nsenter", "setpriv", "strace", "libvirtd", "mdevctl", "gcc"]));
    require!(programs(&["systemd-udevd", "udevadm", "ip"]));
    let cases = CASES.iter().map(|case| (*case).to_owned()).collect();
    let options = Options { cases, quick: true, no_peer: false };
    let report = Bench::new(&options, None, nodedevd(), &|line| eprintln!("{line}")).run().unwrap();
    let text = report::text(&report);
    eprintln!("{text}");
    assert_eq!(report.failures, [], "{text}");
    for row in &report.rows {
        let has_both = row.ours().is_some() && row.theirs().is_some();
        assert!(has_both || is_of_the_connector(row), "{row:?}");
    }
    let find = |case: &str, figure: &str| {
        let found = report.rows.iter().find(|row| row.case == case && row.figure == figure);
        found.unwrap_or_else(|| panic!("no {figure} of {case}: {text}"))
    };
    // What the list of both is, and what only one of them does, is seen for what it is.
    let devices = find("start/pci-10", "devices");
    assert!(devices.ours() > Some(10.0), "{devices:?}");
    assert_eq!(devices.ours(), devices.theirs());
    let start = find("start/pci-10", "time");
    assert!(start.ours() > Some(0.0) && start.bound() > Some(0.0), "{start:?}");
    let updates = find("unrelated/mdev-40", "false updates");
    assert_eq!(updates.ours(), Some(0.0));
    let removals = find("latency/net-20", "processes, removals");
    if removals.ours != Cell::Absent {
        assert_eq!(removals.ours(), Some(0.0));
        assert!(removals.theirs() > Some(0.0), "libvirt asks mdevctl: {removals:?}");
    }
    assert_eq!(report::json(&report)["rows"].as_array().unwrap().len(), report.rows.len());
    assert!(report::markdown(&report).contains("### `latency/net-20`"));
}

/// Processes are counted only where the kernel tells of them.
fn is_of_the_connector(row: &Row) -> bool {
    row.figure.starts_with("processes") && row.ours == Cell::Absent && row.theirs == Cell::Absent
}
