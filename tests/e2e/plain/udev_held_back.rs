//! What happens when udev is late: who had something done waits for our own view, and no longer.

use std::process::Stdio;

use crate::device::{MTTY, State};
use crate::guest::{Guest, Wanted};
use crate::kernel::{hold_events, mdevctl, runs, settle, touch_definitions};

/// udevd goes on, whatever the test ended with.
struct Held;

impl Held {
    fn back() -> Self {
        hold_events(true);
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        hold_events(false);
    }
}

#[test]
fn a_create_answers_when_our_own_view_has_the_device() {
    let guest = Guest::start();
    let held = Held::back();
    let mut create = guest.virsh_command(&["nodedev-create", &MTTY.file(&guest)]);
    let mut create = create.stdout(Stdio::null()).spawn().unwrap();
    guest.until("the kernel runs it", |_| runs(MTTY.uuid));
    assert!(!guest.has(&MTTY.name()), "udev has not spoken");
    assert!(create.try_wait().unwrap().is_none(), "so it is not answered");
    drop(held);
    assert!(create.wait().unwrap().success());
    MTTY.expect(&guest, State::Transient);
}

#[test]
fn a_create_that_is_not_seen_in_time_says_what_is_missing() {
    let guest = Guest::with(&Wanted {
        drivers: &["mtty"],
        config: "action_deadline = 5000\n",
        ..Wanted::default()
    });
    let held = Held::back();
    let refused = guest.client().create(&MTTY);
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, "OPERATION_TIMEOUT", "{refused:?}");
    assert!(refused.text.contains("is not active"), "{refused:?}");
    assert!(refused.text.contains(MTTY.uuid), "{refused:?}");
    drop(held);
    guest.until("it is seen after all", |guest| guest.has(&MTTY.name()));
    MTTY.expect(&guest, State::Transient);
}

/// mdevctl tells of a running device before udev does, and it has gone when udev comes to it.
#[test]
fn a_device_that_only_mdevctl_tells_of_is_no_device() {
    let guest = Guest::start();
    let name = MTTY.name();
    guest.follow();
    let held = Held::back();
    mdevctl(&["start", "--parent=mtty", "--type=mtty-1", "--uuid", MTTY.uuid]);
    // A definition that comes meanwhile shows that mdevctl has been asked since.
    let other = "99999999-2222-4333-8444-555555555555";
    mdevctl(&["define", "--parent=mtty", "--type=mtty-1", "--uuid", other]);
    guest.until("the other is defined", |guest| guest.defined().len() == 1);
    touch_definitions();
    assert!(!guest.has(&name));
    mdevctl(&["stop", "--uuid", MTTY.uuid]);
    drop(held);
    settle();
    mdevctl(&["undefine", "--uuid", other]);
    guest.until("the other has gone", |guest| guest.defined().is_empty());
    assert!(!guest.has(&name), "{:?}", guest.devices());
    guest.until_followed();
    guest.expect_as_freshly_started();
}
