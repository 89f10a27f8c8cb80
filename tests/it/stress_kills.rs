//! `cargo xtask stress kills`, made small: the daemon is killed while events and actions go on.

use nodedev_tests::require::{programs, require, root};
use nodedev_tests::stress::kills::{Options, run};

#[test]
fn a_daemon_that_is_killed_at_any_moment_leaves_nothing_wrong() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl", "ip"]));
    let report = run(&Options { kills: 15, seed: 1 }, &|line| eprintln!("{line}")).unwrap();
    assert!(report.held, "{}", report.text);
}
