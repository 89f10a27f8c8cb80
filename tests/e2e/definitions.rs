//! What mdevctl has defined and what the kernel runs, of which neither tells the other.

use std::fs;

use crate::guest::{Guest, MDEV, UUID, mdevctl, runs};

const JSON: &str = r#"{"mdev_type":"mtty-1","start":"auto","attrs":[{"power/control":"on"}]}"#;

fn define() {
    let file = std::env::temp_dir().join("definition.json");
    fs::write(&file, JSON).unwrap();
    let file = format!("--jsonfile={}", file.display());
    mdevctl(&["define", "--parent=mtty", &file, "--uuid", UUID]);
}

/// A persistent device defined with attributes is started; udev announces it; nothing that mdevctl said
/// is lost, in whichever order the two speak; and after a restart in any state the list is the same.
#[test]
fn nothing_that_mdevctl_said_of_a_device_is_lost_when_udev_announces_it() {
    let mut guest = Guest::start();
    let attribute = "<attr name='power/control' value='on'/>";
    define();
    guest.until("it is defined", |guest| guest.mdevs(&["--inactive"]) == [MDEV]);
    let check = |guest: &mut Guest, runs: bool| {
        let document = guest.document(MDEV);
        assert!(document.contains(attribute), "{document}");
        assert_eq!(document.contains("<path>"), runs, "{document}");
        let info = guest.virsh(&["nodedev-info", MDEV]).ok();
        assert!(
            info.contains("Persistent:     yes") && info.contains("Autostart:      yes"),
            "{info}"
        );
        assert_eq!(guest.all(), guest.as_freshly_started());
        let before = guest.all();
        guest.restart_daemon();
        assert_eq!(guest.all(), before, "the same after a restart");
    };
    check(&mut guest, false);
    // Behind our back: udev is the first to tell.
    mdevctl(&["start", "--uuid", UUID]);
    guest.until("it is active", |guest| guest.mdevs(&[]) == [MDEV]);
    check(&mut guest, true);
    mdevctl(&["stop", "--uuid", UUID]);
    guest.until("it is not active", |guest| guest.mdevs(&[]).is_empty());
    check(&mut guest, false);
    guest.virsh(&["nodedev-start", MDEV]).ok();
    check(&mut guest, true);
}

#[test]
fn one_broken_definition_among_a_hundred_costs_itself_7_1() {
    let guest = Guest::start();
    let uuid = |n: u32| format!("{n:08x}-0000-4000-8000-000000000000");
    fs::create_dir_all("/etc/mdevctl.d/mtty").unwrap();
    for n in 0..100 {
        let text = if n == 50 { "{ not JSON" } else { JSON };
        fs::write(format!("/etc/mdevctl.d/mtty/{}", uuid(n)), text).unwrap();
    }
    guest.until("all good ones are there", |guest| guest.mdevs(&["--inactive"]).len() == 99);
    let broken = uuid(50).replace('-', "_");
    assert!(!guest.mdevs(&["--all"]).iter().any(|name| name.contains(&broken)));
    // Interfaces are still followed, which a daemon that has gone blind would not do.
    let good = format!("mdev_{}_mtty", uuid(7).replace('-', "_"));
    fs::remove_file(format!("/etc/mdevctl.d/mtty/{}", uuid(50))).unwrap();
    guest.virsh(&["nodedev-start", &good]).ok();
    assert!(runs(&uuid(7)));
    guest.virsh(&["nodedev-destroy", &good]).ok();
}
