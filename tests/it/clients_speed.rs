//! A list of a thousand real devices, by our daemon and by libvirt's, in one run with one client.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use nodedev_tests::command::run;
use nodedev_tests::lab::Lab;
use nodedev_tests::require::require;

use crate::clients_both::{Both, Side, tools};

const INTERFACES: usize = 1000;
/// Rounds with one list of each side, so that what slows the machine down slows both.
const ROUNDS: usize = 15;

#[test]
fn a_thousand_devices_are_listed_no_slower_than_by_libvirt() {
    require!(tools());
    let both = Both::with(make_interfaces);
    both.wait_until_listed("net_many999_");
    let list = |side: &Side| {
        let mut command = both.lab.command("virsh");
        command.args(["-q", "-c", &side.uri(), "nodedev-list"]);
        let begun = Instant::now();
        let listed = run(&mut command).ok();
        assert!(listed.lines().count() > INTERFACES);
        begun.elapsed()
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(list(&both.ours));
        theirs.push(list(&both.theirs));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    eprintln!(
        "virsh nodedev-list of {INTERFACES} devices: {ours:?}, libvirt {theirs:?}, ratio {ratio:.2}"
    );
    assert!(ratio <= 1.0, "ours takes {ours:?}, libvirt's {theirs:?}: {ratio:.2} times as long");
}

fn make_interfaces(lab: &Lab) {
    let mut batch = String::new();
    for number in 0..INTERFACES {
        writeln!(batch, "link add many{number} type ifb").unwrap();
    }
    let file = lab.folder().join("batch");
    std::fs::write(&file, batch).unwrap();
    lab.run("ip", &["-batch", file.to_str().unwrap()]);
    lab.settle();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
