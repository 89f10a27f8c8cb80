//! mdevctl replaced by one that fails, hangs, prints rubbish or lies: it costs what only mdevctl knows.

use std::process::Stdio;

use crate::device::{MTTY, State};
use crate::guest::{Guest, Wanted};
use crate::kernel::{command, load, runs, touch_definitions, unload, write_definition};
use crate::tools::Mdevctl;

const JSON: &str = r#"{"mdev_type":"mtty-1","start":"manual","attrs":[]}"#;

const FAILS: &str = "echo 'no such luck' >&2\nexit 1";
const HANGS: &str = "exec sleep 1000";
const RUBBISH: &str = "echo '<html>'\nexit 0";

fn guest(mdevctl: &Mdevctl) -> Guest {
    let config = "mdevctl_deadline = 4000\n";
    Guest::with(&Wanted { drivers: &["mtty"], mdevctl: Some(mdevctl), config })
}

/// A daemon that starts beside such an mdevctl sees what the kernel has, follows it, and knows the rest
/// as soon as mdevctl answers.
#[track_caller]
fn survives_from_its_start(trouble: &str) {
    let mdevctl = Mdevctl::before("mdevctl");
    write_definition(MTTY.address, MTTY.uuid, JSON);
    mdevctl.trouble(trouble);
    let guest = guest(&mdevctl);
    assert!(guest.has(MTTY.parent));
    guest.follow();
    load("mdpy");
    assert_eq!(guest.next_of("mdpy_mdpy"), "created");
    unload("mdpy");
    while guest.next_of("mdpy_mdpy") != "deleted" {}
    guest.until("the source tells of it", |guest| {
        guest.nodedev(&["sources"]).stdout.contains("degraded")
    });
    mdevctl.no_trouble();
    touch_definitions();
    guest.until("all is well again", |guest| {
        guest.has(&MTTY.name()) && !guest.nodedev(&["sources"]).stdout.contains("degraded")
    });
    guest.client().act(&MTTY.name(), "create").unwrap();
    MTTY.expect(&guest, State::Defined { autostart: false, active: true });
    guest.until_followed();
    guest.expect_as_freshly_started();
}

#[test]
fn an_mdevctl_that_fails_does_not_blind_the_daemon() {
    survives_from_its_start(FAILS);
}

#[test]
fn an_mdevctl_that_hangs_does_not_blind_the_daemon() {
    survives_from_its_start(HANGS);
}

#[test]
fn an_mdevctl_that_prints_rubbish_does_not_blind_the_daemon() {
    survives_from_its_start(RUBBISH);
}

/// Each of these costs itself: an entry without a uuid's form of value, a malformed attribute, a
/// parent that is no list.
#[test]
fn a_malformed_entry_costs_itself() {
    let mdevctl = Mdevctl::before("mdevctl");
    let guest = guest(&mdevctl);
    let listing = r#"[{"mtty": [
        {"00000000-0000-4000-8000-000000000001": {"mdev_type": "mtty-1", "start": "auto", "attrs": []}},
        {"00000000-0000-4000-8000-000000000002": {"mdev_type": "mtty-1", "start": "auto",
            "attrs": [{"a": "1", "b": "2"}]}},
        {"00000000-0000-4000-8000-000000000003": 7},
        {"00000000-0000-4000-8000-000000000004": {"mdev_type": "mtty-1", "start": "manual"}}],
        "elsewhere": 7}]"#;
    std::fs::write(mdevctl.folder().join("listing"), listing).unwrap();
    let shown = mdevctl.folder().join("listing");
    let trouble = format!(
        "case $* in\n'list --dumpjson --defined') cat '{}'\nexit 0 ;;\nesac",
        shown.display()
    );
    mdevctl.trouble(&trouble);
    touch_definitions();
    let name = |n: u32| format!("mdev_00000000_0000_4000_8000_00000000000{n}_mtty");
    guest.until("the last good entry is there", |guest| guest.has(&name(4)));
    let devices = guest.devices();
    assert_eq!(devices[&name(1)]["autostart"], true);
    assert!(!devices.contains_key(&name(3)));
    // The device is defined still, without the attribute that cannot be understood.
    assert!(devices.contains_key(&name(2)), "{:?}", devices.keys());
    let sources = guest.nodedev(&["sources"]).stdout;
    for n in 2..=3 {
        assert!(sources.contains(&format!("00000000-0000-4000-8000-00000000000{n}")), "{sources}");
    }
    mdevctl.no_trouble();
    touch_definitions();
    guest.until("they have gone", |guest| guest.defined().is_empty());
}

/// While mdevctl hangs in an action, the list and other devices are answered; then the action fails
/// with the reason, and nothing is left running.
#[test]
fn reads_do_not_wait_for_an_action_that_hangs() {
    let mdevctl = Mdevctl::before("mdevctl");
    let config = "action_deadline = 12000\n";
    let wanted = Wanted { drivers: &["mtty"], mdevctl: Some(&mdevctl), config };
    let guest = Guest::with(&wanted);
    write_definition(MTTY.address, MTTY.uuid, JSON);
    guest.until("it is defined", |guest| guest.has(&MTTY.name()));
    mdevctl.trouble("case $* in\nstart*) exec sleep 1000 ;;\nesac");
    let mut start = guest.virsh_command(&["nodedev-start", &MTTY.name()]);
    let mut start = start.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    guest.until("the action has begun", |_| {
        mdevctl.record().iter().any(|line| line.starts_with("begin start"))
    });
    assert!(guest.document(MTTY.parent).contains("mtty-1"));
    assert!(guest.has(&MTTY.name()));
    // The kernel's events go on as well.
    load("mdpy");
    guest.until("another parent came", |guest| guest.has("mdpy_mdpy"));
    assert!(start.try_wait().unwrap().is_none(), "all this happened meanwhile");
    let end = start.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&end.stderr);
    assert!(said.contains("mdevctl start") && said.contains("no answer within"), "{said}");
    assert!(!is_running(b"sleep\x001000\0"), "it was ended");
    assert!(!runs(MTTY.uuid));
    mdevctl.no_trouble();
    guest.client().act(&MTTY.name(), "create").unwrap();
    MTTY.expect(&guest, State::Defined { autostart: false, active: true });
}

/// Devices that are not mediated cost no run of mdevctl, and many changes at once cost few.
#[test]
fn mdevctl_runs_for_mediated_devices_only() {
    let mdevctl = Mdevctl::before("mdevctl");
    let guest = guest(&mdevctl);
    guest.follow();
    let before = mdevctl.record().len();
    for n in 0..10 {
        command(&["ip", "link", "add", &format!("e2e{n}"), "type", "ifb"]);
    }
    for n in 0..10 {
        command(&["ip", "link", "del", &format!("e2e{n}")]);
    }
    guest.until("all came and went", |guest| {
        let heard = guest.client().heard().into_iter();
        heard.filter(|(kind, name)| kind == "deleted" && name.starts_with("net_e2e")).count() == 10
    });
    // Four lines for a look at both lists. The daemon's start may have left it one or two reasons to
    // look; twenty comings and goings would be more, also if several were answered together.
    let more = mdevctl.record().len() - before;
    assert!(more <= 8, "{more} lines: {:?}", mdevctl.record());
    for n in 0..50 {
        write_definition("mtty", &format!("{n:08x}-0000-4000-8000-000000000000"), JSON);
    }
    guest.until("all are there", |guest| guest.defined().len() == 50);
    let runs = mdevctl.record().len() - before;
    // Two lines for each listing that ended.
    assert!(runs < 50, "{runs} lines for 50 definitions: {:?}", mdevctl.record());
}

/// Whether a process with these words, each with its zero, runs.
fn is_running(words: &[u8]) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut command_lines =
        processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.any(|found| found == words)
}
