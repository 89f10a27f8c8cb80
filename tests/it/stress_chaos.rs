//! The matrix of faults of `cargo xtask stress chaos`, every cell once and briefly: nobody else's devices
//! differ, operators see it, and everything is well again afterwards. Of the times only what a wait for the
//! misbehaving source would cost is noticed here.

use nodedev_tests::require::{mock_hosts, require, root};
use nodedev_tests::stress::chaos::{self, Options};

/// A call that waits for a slow source takes 700 ms, one for a source that hangs a second.
const WAITS_FOR_THE_SOURCE: u64 = 500;

#[track_caller]
fn costs_itself_only(who: &str) {
    require!(root());
    require!(mock_hosts());
    let options = Options {
        rounds: 1,
        length: 300,
        factor: 2.0,
        floor: WAITS_FOR_THE_SOURCE,
        only: format!("{who} "),
        write: None,
    };
    let report = chaos::run(&options, &|line| eprintln!("{line}")).unwrap();
    assert!(report.held, "{}", report.text);
}

#[test]
fn a_udev_source_that_misbehaves_costs_itself_only() {
    costs_itself_only("udev");
}

#[test]
fn an_mdevctl_that_misbehaves_costs_itself_only() {
    costs_itself_only("mdevctl");
}

#[test]
fn a_third_source_that_misbehaves_costs_itself_only() {
    costs_itself_only("lab");
}

#[test]
fn clients_that_misbehave_cost_themselves_only() {
    costs_itself_only("client");
}
