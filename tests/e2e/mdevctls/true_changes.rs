//! One event for each true change, and none for what did not change.

use crate::device::MTTY;
use crate::guest::{Guest, Wanted};
use crate::kernel::{command, mdevctl, touch_definitions, write_definition};
use crate::life;
use crate::tools::Mdevctl;

/// As often as this the listings are asked for without a reason.
const REFRESHES: usize = 5;

fn refreshed(guest: &Guest, record: &Mdevctl) {
    for _ in 0..REFRESHES {
        let before = record.record().len();
        touch_definitions();
        command(&["udevadm", "trigger", "--action=change", "/sys/class/mtty/mtty"]);
        guest.until("mdevctl was asked again", |_| record.record().len() >= before + 4);
    }
}

#[test]
fn a_transient_device_is_created_first_and_then_nothing() {
    let record = Mdevctl::before("mdevctl");
    let guest =
        Guest::with(&Wanted { drivers: &["mtty"], mdevctl: Some(&record), ..Wanted::default() });
    guest.follow();
    mdevctl(&["start", "--parent=mtty", "--type=mtty-1", "--uuid", MTTY.uuid]);
    guest.until("it is there", |guest| guest.has(&MTTY.name()));
    refreshed(&guest, &record);
    mdevctl(&["stop", "--uuid", MTTY.uuid]);
    life::expect_events(&guest, &MTTY, &["created", "deleted"]);
}

/// mdevctl's two lists need not agree about when a running device starts; the definition counts.
#[test]
fn the_autostart_does_not_flicker() {
    let record = Mdevctl::before("mdevctl");
    let guest =
        Guest::with(&Wanted { drivers: &["mtty"], mdevctl: Some(&record), ..Wanted::default() });
    let active = record.folder().join("active");
    let listing = format!(
        r#"[{{"mtty": [{{"{}": {{"mdev_type": "mtty-1", "start": "manual", "attrs": []}}}}]}}]"#,
        MTTY.uuid
    );
    std::fs::write(&active, listing).unwrap();
    record.trouble(&format!(
        "case $* in\n'list --dumpjson') cat '{}'\necho 'end other' >>'{}'\nexit 0 ;;\nesac",
        active.display(),
        record.folder().join("record").display(),
    ));
    guest.follow();
    let json = r#"{"mdev_type":"mtty-1","start":"auto","attrs":[{"power/control":"on"}]}"#;
    write_definition(MTTY.address, MTTY.uuid, json);
    guest.until("it is defined", |guest| guest.has(&MTTY.name()));
    guest.virsh(&["nodedev-start", &MTTY.name()]).ok();
    refreshed(&guest, &record);
    assert_eq!(guest.device(&MTTY.name())["autostart"], true);
    mdevctl(&["stop", "--uuid", MTTY.uuid]);
    life::expect_events(&guest, &MTTY, &["defined", "created", "deleted"]);
}
