//! What mdevctl has defined and what the kernel runs, of which neither tells the other.

use crate::device::{MTTY, State};
use crate::guest::{Guest, expect_same};
use crate::kernel::{mdevctl, remove_definition, runs, write_definition};

const JSON: &str = r#"{"mdev_type":"mtty-1","start":"auto","attrs":[{"power/control":"on"}]}"#;

/// A persistent device defined with attributes is started; udev announces it; nothing that mdevctl said
/// is lost, in whichever order the two speak; and after a restart in any state the list is the same.
#[test]
fn nothing_that_mdevctl_said_of_a_device_is_lost_when_udev_announces_it() {
    let mut guest = Guest::start();
    let name = MTTY.name();
    let attribute = "<attr name='power/control' value='on'/>";
    write_definition(MTTY.address, MTTY.uuid, JSON);
    guest.until("it is defined", |guest| guest.has(&name));
    let check = |guest: &mut Guest, active: bool| {
        MTTY.expect(guest, State::Defined { autostart: true, active });
        let document = guest.document(&name);
        assert!(document.contains(attribute), "{document}");
        let before = guest.devices();
        guest.restart_daemon();
        expect_same(&guest.devices(), &before);
    };
    check(&mut guest, false);
    // Behind our back: udev is the first to tell.
    mdevctl(&["start", "--uuid", MTTY.uuid]);
    guest.until("it is active", |guest| guest.device(&name)["active"] == true);
    check(&mut guest, true);
    mdevctl(&["stop", "--uuid", MTTY.uuid]);
    guest.until("it is not active", |guest| guest.device(&name)["active"] == false);
    check(&mut guest, false);
    guest.virsh(&["nodedev-start", &name]).ok();
    check(&mut guest, true);
}

#[test]
fn one_broken_definition_among_a_hundred_costs_itself() {
    let mut guest = Guest::start();
    let uuid = |n: u32| format!("{n:08x}-0000-4000-8000-000000000000");
    let name = |n: u32| format!("mdev_{}_mtty", uuid(n).replace('-', "_"));
    for n in 0..100 {
        write_definition("mtty", &uuid(n), if n == 50 { "{ not JSON" } else { JSON });
    }
    guest.until("all good ones are there", |guest| guest.defined().len() == 99);
    assert!(!guest.has(&name(50)));
    let sources = guest.nodedev(&["sources"]);
    assert!(sources.stdout.contains(&uuid(50)), "the broken file is named: {sources:?}");
    // A daemon that starts with it is not blind either.
    guest.restart_daemon();
    assert_eq!(guest.defined().len(), 99);
    guest.follow();
    remove_definition("mtty", &uuid(50));
    guest.client().act(&name(7), "create").unwrap();
    assert_eq!(guest.next_of(&name(7)), "created");
    assert!(runs(&uuid(7)));
    guest.until_followed();
}
