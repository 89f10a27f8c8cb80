//! What is refused, and in which words, with the mdevctl of Debian 12.

use crate::device::{MTTY, Mdev, State};
use crate::guest::Guest;
use crate::kernel::mdevctl;

/// The client is told by a code; virsh and people by the words.
#[track_caller]
fn expect_refusal(guest: &Guest, method: &str, code: &str, text: &str) {
    let refused = guest.client().act(&MTTY.name(), method).unwrap_err();
    assert_eq!(refused.code, code, "{refused:?}");
    assert!(refused.text.contains(text), "{refused:?}");
}

#[test]
fn what_makes_no_sense_in_this_state_is_an_invalid_operation() {
    let guest = Guest::start();
    mdevctl(&["define", "--parent=mtty", "--type=mtty-1", "--uuid", MTTY.uuid]);
    guest.until("it is defined", |guest| guest.has(&MTTY.name()));
    expect_refusal(&guest, "destroy", "OPERATION_INVALID", "is not active");
    guest.client().act(&MTTY.name(), "create").unwrap();
    expect_refusal(&guest, "create", "OPERATION_INVALID", "already active");
    guest.client().act(&MTTY.name(), "undefine").unwrap();
    expect_refusal(&guest, "undefine", "OPERATION_INVALID", "is not defined");
    guest.client().act(&MTTY.name(), "destroy").unwrap();
    expect_refusal(&guest, "destroy", "NO_NODE_DEVICE", "no node device with matching name");
}

/// A type that the parent does not have is only found out by mdevctl, when it starts the device.
#[test]
fn what_mdevctl_complains_of_is_told() {
    let guest = Guest::start();
    let unknown = Mdev { mdev_type: "mtty-9", ..MTTY };
    let refused = guest.client().create(&unknown);
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, "INTERNAL_ERROR", "{refused:?}");
    assert!(
        refused.text.contains("mdevctl start") && refused.text.contains("mtty-9"),
        "{refused:?}"
    );
    MTTY.expect(&guest, State::Absent);
}

#[test]
fn mdevctl_1_2_cannot_redefine_or_update_which_is_an_unsupported_operation() {
    let guest = Guest::start();
    let define = |mdev: &Mdev| guest.client().define(&mdev);
    define(&MTTY).unwrap();
    let refused = define(&Mdev { mdev_type: "mtty-2", ..MTTY }).unwrap_err();
    assert_eq!(refused.code, "OPERATION_UNSUPPORTED", "{refused:?}");
    assert!(refused.text.contains("mdevctl 1.2"), "{refused:?}");
    // The binding of Debian 12 has no call for it yet.
    let file = MTTY.file(&guest);
    for what in ["--config", "--live"] {
        let update = guest.nodedev(&["update", &MTTY.name(), &file, what]);
        assert_eq!(update.status, Some(1), "{update:?}");
        let reason = if what == "--live" { "is not active" } else { "mdevctl 1.2" };
        assert!(update.stderr.contains(reason), "{update:?}");
    }
    MTTY.expect(&guest, State::Defined { autostart: false, active: false });
}
