//! Small storms of real interfaces, many of them; `cargo xtask stress storm` runs a large one.

use nodedev_tests::require::{programs, require, root};
use nodedev_tests::stress::storm::{self, Options};

#[test]
fn two_hundred_storms_of_real_interfaces_end_in_what_sysfs_has() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "udevadm", "ip", "ss"]));
    let options = Options {
        seed: 1,
        seeds: 200,
        interfaces: 8,
        quiets: 1,
        buffer: 4096,
        // How soon is measured on a quiet machine.
        within: 30_000,
        no_peer: true,
    };
    let report = storm::run(&options, &|line| eprintln!("{line}")).unwrap();
    eprint!("{}", report.text);
    assert!(report.held, "{}", report.text);
}
