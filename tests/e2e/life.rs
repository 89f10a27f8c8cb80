//! The life of one device through virsh: each step seen in the kernel, in mdevctl, in our list and as
//! an event.

use crate::guest::{Guest, MDEV, UUID, mdevctl, runs};

#[test]
fn a_device_is_defined_started_stopped_and_undefined_through_virsh() {
    let guest = Guest::start();
    let mut events = guest.watch();
    let file = guest.write_document("mtty-1", "");
    guest.virsh(&["nodedev-define", file.to_str().unwrap()]).ok();
    assert_eq!(events.next_of(MDEV), "defined");
    assert_eq!(guest.mdevs(&["--inactive"]), [MDEV]);
    assert!(!runs(UUID) && mdevctl(&["list", "--defined"]).contains(UUID));

    let free = instances(&guest);
    guest.virsh(&["nodedev-start", MDEV]).ok();
    assert_eq!(guest.mdevs(&[]), [MDEV], "it is there as soon as the call has returned");
    assert_eq!(events.next_of(MDEV), "created");
    assert!(runs(UUID) && mdevctl(&["list"]).contains(UUID));
    assert_eq!(instances(&guest), free - 1);

    let again = guest.virsh(&["nodedev-start", MDEV]);
    assert!(again.stderr.contains("Device is already active"), "{again:?}");

    guest.virsh(&["nodedev-destroy", MDEV]).ok();
    assert_eq!(guest.mdevs(&["--inactive"]), [MDEV]);
    assert_eq!(events.next_of(MDEV), "deleted");
    assert!(!runs(UUID));
    assert_eq!(instances(&guest), free);

    guest.virsh(&["nodedev-undefine", MDEV]).ok();
    assert_eq!(guest.mdevs(&["--all"]), [""; 0]);
    assert_eq!(events.next_of(MDEV), "undefined");
    assert!(!mdevctl(&["list", "--defined"]).contains(UUID));
}

#[test]
fn a_running_transient_device_is_made_persistent_and_undefined_while_it_runs() {
    let guest = Guest::start();
    let mut events = guest.watch();
    let file = guest.write_document("mtty-2", "");
    guest.virsh(&["nodedev-create", file.to_str().unwrap()]).ok();
    assert_eq!(events.next_of(MDEV), "created");
    assert!(info(&guest).contains("Persistent:     no"));
    guest.virsh(&["nodedev-define", file.to_str().unwrap()]).ok();
    assert_eq!(events.next_of(MDEV), "defined");
    assert!(info(&guest).contains("Persistent:     yes"));
    guest.virsh(&["nodedev-undefine", MDEV]).ok();
    assert_eq!(events.next_of(MDEV), "undefined");
    assert!(runs(UUID) && info(&guest).contains("Persistent:     no"));
    guest.virsh(&["nodedev-destroy", MDEV]).ok();
    assert_eq!(events.next_of(MDEV), "deleted");
    assert_eq!(guest.mdevs(&["--all"]), [""; 0]);
}

#[test]
fn autostart_is_set_and_taken_back() {
    let guest = Guest::start();
    let file = guest.write_document("mtty-1", "");
    guest.virsh(&["nodedev-define", file.to_str().unwrap()]).ok();
    for (words, shown, start) in [
        (&["nodedev-autostart", MDEV][..], "yes", "auto"),
        (&["nodedev-autostart", MDEV, "--disable"], "no", "manual"),
    ] {
        guest.virsh(words).ok();
        assert!(info(&guest).contains(&format!("Autostart:      {shown}")), "{}", info(&guest));
        assert!(mdevctl(&["list", "--defined"]).contains(start));
    }
}

#[test]
fn twenty_fast_starts_and_stops_are_forty_events_in_their_order() {
    let guest = Guest::start();
    let file = guest.write_document("mtty-1", "");
    guest.virsh(&["nodedev-define", file.to_str().unwrap()]).ok();
    let mut events = guest.watch();
    let cycle = format!("nodedev-start {MDEV}; nodedev-destroy {MDEV}; ");
    guest.virsh(&[&cycle.repeat(20)]).ok();
    for cycle in 0..20 {
        assert_eq!([events.next_of(MDEV), events.next_of(MDEV)], ["created", "deleted"], "{cycle}");
    }
    assert_eq!(guest.mdevs(&["--inactive"]), [MDEV]);
}

fn info(guest: &Guest) -> String {
    guest.virsh(&["nodedev-info", MDEV]).ok()
}

/// How many more of the first type the parent can make.
fn instances(guest: &Guest) -> u32 {
    let document = guest.document("mtty_mtty");
    let of_type = document.split("<type id='mtty-1'>").nth(1).unwrap();
    let text = of_type.split("<availableInstances>").nth(1).unwrap();
    text.split('<').next().unwrap().parse().unwrap()
}
