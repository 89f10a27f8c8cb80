//! Actions at the same time: on one device one after the other, on several side by side, and the list
//! is answered meanwhile.

use std::fs;
use std::process::{Child, Stdio};

use crate::device::{MTTY, Mdev};
use crate::guest::{Guest, Wanted};
use crate::kernel::{mdevctl, write_callout};
use crate::tools::Mdevctl;

const OTHER: Mdev = Mdev { uuid: "22222222-2222-4333-8444-555555555555", ..MTTY };

/// Tells what begins, and lets it go on when there is the file `go`. mdevctl calls it before it stops a
/// device.
const SLOW: &str = r#"#!/bin/sh
cat >/dev/null
while getopts t:e:a:s:u:p: option; do
    case $option in
    e) event=$OPTARG ;;
    a) action=$OPTARG ;;
    u) uuid=$OPTARG ;;
    *) ;;
    esac
done
[ "$event $action" = 'pre stop' ] || exit 2
echo "$uuid" >>FOLDER/stopping
while [ ! -e FOLDER/go ]; do
    sleep 0.1
done
"#;

fn begin(guest: &Guest, words: &[&str]) -> Child {
    guest.virsh_command(words).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
}

#[test]
fn one_device_is_changed_in_turn_and_others_beside_it_while_the_list_is_answered() {
    let record = Mdevctl::before("mdevctl");
    let guest =
        Guest::with(&Wanted { drivers: &["mtty"], mdevctl: Some(&record), ..Wanted::default() });
    for mdev in [MTTY, OTHER] {
        mdevctl(&["define", "--parent=mtty", "--type=mtty-1", "--uuid", mdev.uuid]);
        mdevctl(&["start", "--uuid", mdev.uuid]);
    }
    guest.until("both run", |guest| guest.active().len() == 2);
    let folder = record.folder();
    write_callout(&SLOW.replace("FOLDER", folder.to_str().unwrap()));
    let stopping =
        |uuid: &str| fs::read_to_string(folder.join("stopping")).unwrap_or_default().contains(uuid);

    let mut first = begin(&guest, &["nodedev-destroy", &MTTY.name()]);
    guest.until("the first is being stopped", |_| stopping(MTTY.uuid));
    let mut second = begin(&guest, &["nodedev-autostart", &MTTY.name()]);
    let mut beside = begin(&guest, &["nodedev-destroy", &OTHER.name()]);
    guest.until("the other is being stopped", |_| stopping(OTHER.uuid));
    for _ in 0..5 {
        assert_eq!(guest.active().len(), 2, "the list is answered");
    }
    for waiting in [&mut first, &mut second, &mut beside] {
        assert!(waiting.try_wait().unwrap().is_none(), "nothing is done before it is");
    }
    fs::write(folder.join("go"), "").unwrap();
    for mut done in [first, second, beside] {
        assert!(done.wait().unwrap().success());
    }
    assert_eq!(guest.active(), [""; 0]);
    assert_eq!(guest.device(&MTTY.name())["autostart"], true);

    // In mdevctl's own record: the one ended before the second began, the other began before that.
    let lines = record.record();
    let place = |line: String| lines.iter().position(|found| *found == line);
    let stop = |word: &str, mdev: &Mdev| place(format!("{word} stop --uuid={}", mdev.uuid));
    let autostart = place(format!("begin modify --uuid {} --auto", MTTY.uuid));
    assert!(stop("begin", &OTHER) < stop("end", &MTTY), "{lines:?}");
    assert!(stop("end", &MTTY) < autostart, "{lines:?}");
    assert!(autostart.is_some() && stop("begin", &OTHER).is_some(), "{lines:?}");
}
