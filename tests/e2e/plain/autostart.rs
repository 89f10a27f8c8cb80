//! Devices that start by themselves, when their parent comes.

use crate::device::{MTTY, State};
use crate::guest::{Guest, Wanted};
use crate::kernel::{load, runs, settle, unload, write_definition};

const AUTO: &str = r#"{"mdev_type":"mtty-1","start":"auto","attrs":[]}"#;
const RUNNING: State = State::Defined { autostart: true, active: true };

#[test]
fn what_starts_by_itself_runs_after_its_parent_has_come() {
    let guest = Guest::start();
    let name = MTTY.name();
    guest.virsh(&["nodedev-define", &MTTY.file(&guest)]).ok();
    guest.virsh(&["nodedev-autostart", &name]).ok();
    unload("mtty");
    assert!(!runs(MTTY.uuid));
    guest.until("the parent has gone", |guest| !guest.has(MTTY.parent));
    guest.follow();
    load("mtty");
    while guest.next_of(&name) != "created" {}
    guest.until_followed();
    MTTY.expect(&guest, RUNNING);
    guest.expect_as_freshly_started();
}

/// As at boot: udev starts it when the driver is loaded, and the daemon comes later.
#[test]
fn what_started_before_the_daemon_is_known_to_it() {
    write_definition(MTTY.address, MTTY.uuid, AUTO);
    load("mtty");
    let guest = Guest::with(&Wanted::default());
    MTTY.expect(&guest, RUNNING);
    assert_eq!(MTTY.instances_left(&guest), 23);
}

/// The daemon comes first and sees everything happen.
#[test]
fn what_starts_after_the_daemon_is_told_of_in_order() {
    let guest = Guest::with(&Wanted::default());
    guest.follow();
    write_definition(MTTY.address, MTTY.uuid, AUTO);
    assert_eq!(guest.next_of(&MTTY.name()), "defined");
    load("mtty");
    assert_eq!(guest.next_of(MTTY.parent), "created");
    while guest.next_of(&MTTY.name()) != "created" {}
    settle();
    guest.until_followed();
    MTTY.expect(&guest, RUNNING);
    // Once: neither autostart nor persistence flickers while mdevctl's lists disagree.
    let heard = guest.client().heard_of(&MTTY.name());
    let all_but_updates: Vec<_> = heard.iter().filter(|kind| *kind != "updated").collect();
    assert_eq!(all_but_updates, ["defined", "created"], "{heard:?}");
}
