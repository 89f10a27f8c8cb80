//! Parents of mediated devices that come, go, or have a device of the same uuid.

use std::process::Command;

use nodedev_tests::command::run;

use crate::guest::{Guest, MDEV, UUID, load, mdevctl, runs, unload};

fn parent_of(guest: &Guest, name: &str) -> String {
    let document = guest.document(name);
    let parent = document.split("<parent>").nth(1).and_then(|rest| rest.split('<').next());
    parent.unwrap_or_default().to_owned()
}

#[test]
fn any_parent_of_the_mdev_bus_is_a_parent_2_2() {
    let guest = Guest::start();
    load("mdpy");
    guest.until("both parents are there", |guest| {
        let parents = guest.virsh(&["nodedev-list", "--cap", "mdev_types"]).ok();
        parents.contains("mtty_mtty") && parents.contains("mdpy_mdpy")
    });
    let document = guest.document("mdpy_mdpy");
    assert!(document.contains("<type id='mdpy-hd'>"), "{document}");
    unload("mdpy");
    guest.until("one has gone", |guest| !guest.virsh(&["nodedev-list"]).ok().contains("mdpy_mdpy"));
}

#[test]
fn a_definition_waits_for_its_parent_and_outlives_it_7_9() {
    let guest = Guest::start();
    let file = guest.write_document("mtty-1", "");
    guest.virsh(&["nodedev-define", file.to_str().unwrap()]).ok();
    assert_eq!(parent_of(&guest, MDEV), "mtty_mtty");
    let mut events = guest.watch();
    unload("mtty");
    assert_eq!(events.next_of(MDEV), "updated");
    assert_eq!(parent_of(&guest, MDEV), "computer");
    load("mtty");
    assert_eq!(events.next_of(MDEV), "updated");
    assert_eq!(parent_of(&guest, MDEV), "mtty_mtty");
    assert_eq!(guest.all(), guest.as_freshly_started());
}

#[test]
fn what_starts_by_itself_runs_after_its_parent_has_come() {
    let guest = Guest::start();
    let file = guest.write_document("mtty-1", "");
    guest.virsh(&["nodedev-define", file.to_str().unwrap()]).ok();
    guest.virsh(&["nodedev-autostart", MDEV]).ok();
    unload("mtty");
    assert!(!runs(UUID));
    let mut events = guest.watch();
    load("mtty");
    while events.next_of(MDEV) != "created" {}
    assert_eq!(guest.mdevs(&[]), [MDEV]);
    assert_eq!(parent_of(&guest, MDEV), "mtty_mtty");
}

#[test]
fn the_same_uuid_below_two_parents_is_two_devices_7_12() {
    let guest = Guest::start();
    load("mdpy");
    let other = MDEV.replace("_mtty", "_mdpy");
    mdevctl(&["define", "--parent=mtty", "--type=mtty-1", "--uuid", UUID]);
    mdevctl(&["define", "--parent=mdpy", "--type=mdpy-hd", "--uuid", UUID]);
    guest.until("both are there", |guest| guest.mdevs(&["--inactive"]).len() == 2);
    // mdevctl alone cannot tell them apart.
    assert_ne!(run(Command::new("mdevctl").args(["start", "--uuid", UUID])).status, Some(0));
    guest.virsh(&["nodedev-start", &other]).ok();
    assert_eq!(guest.mdevs(&[]), [other.as_str()]);
    guest.virsh(&["nodedev-destroy", &other]).ok();
    guest.virsh(&["nodedev-undefine", &other]).ok();
    assert_eq!(guest.mdevs(&["--all"]), [MDEV]);
}
