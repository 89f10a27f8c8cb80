//! The matrix of faults of `cargo xtask stress chaos`, every cell once and briefly: nobody else's devices
//! differ, operators see it, and everything is well again afterwards. Of the times only what a wait for the
//! misbehaving source would cost is noticed here.

use nodedev_tests::require::{mock_hosts, require, root};
use nodedev_tests::stress::chaos::{self, Options};

/// A call that waits for a slow source takes 700 ms, one for a source that hangs a second.
const WAITS_FOR_THE_SOURCE: u64 = 500;
/// Milliseconds of each time.
const BRIEF: u64 = 300;
/// Longer than until a device is tried again after its reader was given up: half a second, and five more.
const LONG: u64 = 6500;

/// Runs the cells whose names have this in them.
#[track_caller]
fn cost_themselves_only(cells: &str, length: u64) {
    require!(root());
    require!(mock_hosts());
    let options = Options {
        rounds: 1,
        length,
        factor: 2.0,
        floor: WAITS_FOR_THE_SOURCE,
        only: cells.to_owned(),
        write: None,
    };
    let report = chaos::run(&options, &|line| eprintln!("{line}")).unwrap();
    assert!(report.held, "{}", report.text);
}

#[test]
fn a_udev_source_that_misbehaves_costs_itself_only() {
    cost_themselves_only("udev ", BRIEF);
}

#[test]
fn an_mdevctl_that_misbehaves_costs_itself_only() {
    cost_themselves_only("mdevctl ", BRIEF);
}

#[test]
fn a_third_source_that_misbehaves_costs_itself_only() {
    cost_themselves_only("lab ", BRIEF);
}

#[test]
fn clients_that_misbehave_cost_themselves_only() {
    cost_themselves_only("client ", BRIEF);
}

#[test]
fn a_device_is_whole_again_as_soon_as_its_file_answers_that_blocked_for_long() {
    cost_themselves_only("udev one attribute blocks", LONG);
}
