//! `cargo xtask stress churn`, made small: devices and clients come and go, and the daemon holds no more.

use std::time::Duration;

use nodedev_tests::require::{programs, require, root};
use nodedev_tests::stress::churn::{Plan, churn};

#[test]
fn devices_and_clients_come_and_go_and_nothing_is_left_of_them() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl", "ip", "virsh"]));
    let plan = Plan {
        rounds: 2,
        round: Duration::ZERO,
        load: Duration::from_secs(2),
        warm_up: 0,
        growth: 0,
        self_check: 0,
    };
    let report = churn(&plan, 1, &|line| eprintln!("{line}"));
    assert!(report.held, "{}", report.text);
}
