//! Parents of mediated devices that come, go, or have a device of the same uuid.

use std::process::Command;

use nodedev_tests::command::run;

use crate::device::{MTTY, Mdev, State};
use crate::guest::{Guest, Wanted};
use crate::kernel::{load, mdevctl, runs, settle, unload};

const BELOW_MDPY: Mdev =
    Mdev { parent: "mdpy_mdpy", address: "mdpy", mdev_type: "mdpy-hd", ..MTTY };

#[track_caller]
fn expect_parent(guest: &Guest, parent: &str) {
    assert_eq!(guest.device(&MTTY.name())["parent"], parent);
}

#[test]
fn any_parent_of_the_mdev_bus_is_a_parent() {
    let guest = Guest::start();
    guest.follow();
    for (module, parent, mdev_type) in
        [("mdpy", "mdpy_mdpy", "mdpy-hd"), ("mbochs", "mbochs_mbochs", "mbochs-large")]
    {
        load(module);
        assert_eq!(guest.next_of(parent), "created");
        let document = guest.document(parent);
        assert!(document.contains(&format!("<type id='{mdev_type}'>")), "{document}");
        let listed = guest.client().call("listDevices", serde_json::json!(["mdev_types", 0]));
        let listed = listed.unwrap();
        assert!(listed.as_array().unwrap().contains(&parent.into()), "{listed}");
        unload(module);
        while guest.next_of(parent) != "deleted" {}
        assert!(!guest.has(parent));
    }
    guest.until_followed();
}

#[test]
fn a_definition_waits_for_its_parent_and_outlives_it() {
    let guest = Guest::with(&Wanted::default());
    let name = MTTY.name();
    guest.follow();
    // There is no parent yet, which is no reason for mdevctl to refuse.
    mdevctl(&["define", "--parent=mtty", "--type=mtty-1", "--uuid", MTTY.uuid]);
    assert_eq!(guest.next_of(&name), "defined");
    expect_parent(&guest, "computer");
    load("mtty");
    assert_eq!(guest.next_of(&name), "updated");
    MTTY.expect(&guest, State::Defined { autostart: false, active: false });
    guest.expect_as_freshly_started();
    guest.virsh(&["nodedev-start", &name]).ok();
    assert_eq!(guest.next_of(&name), "created");
    // The driver goes, and takes the running device with it.
    unload("mtty");
    assert_eq!(guest.next_of(&name), "deleted");
    while guest.has(MTTY.parent) {
        guest.next_of(MTTY.parent);
    }
    guest.until_followed();
    expect_parent(&guest, "computer");
    guest.expect_as_freshly_started();
    let heard = guest.client().heard_of(&name);
    let lifecycle: Vec<_> = heard.iter().filter(|kind| *kind != "updated").collect();
    assert_eq!(lifecycle, ["defined", "created", "deleted"], "{heard:?}");
}

#[test]
fn the_same_uuid_below_two_parents_is_two_devices() {
    let guest = Guest::start();
    load("mdpy");
    settle();
    for mdev in [MTTY, BELOW_MDPY] {
        let parent = format!("--parent={}", mdev.address);
        mdevctl(&["define", &parent, "--type", mdev.mdev_type, "--uuid", mdev.uuid]);
    }
    guest.until("both are there", |guest| guest.defined().len() == 2);
    // mdevctl alone cannot tell them apart.
    assert_ne!(run(Command::new("mdevctl").args(["start", "--uuid", MTTY.uuid])).status, Some(0));
    let name = BELOW_MDPY.name();
    guest.virsh(&["nodedev-autostart", &name]).ok();
    guest.virsh(&["nodedev-start", &name]).ok();
    assert_eq!(guest.active(), [name.as_str()]);
    assert_eq!(guest.device(&MTTY.name())["autostart"], false);
    guest.virsh(&["nodedev-destroy", &name]).ok();
    guest.virsh(&["nodedev-undefine", &name]).ok();
    assert_eq!(guest.defined(), [MTTY.name()]);
    assert!(!runs(MTTY.uuid));
}
