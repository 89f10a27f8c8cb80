//! The whole life of a mediated device by a client's own words, whichever the client and the parent.

use nodedev_tests::command::Ran;

use crate::device::{Mdev, State};
use crate::guest::Guest;

/// How a client has things done. Each call must have succeeded and been answered.
pub(crate) trait Hands {
    fn define(&self, guest: &Guest, mdev: &Mdev);
    fn create(&self, guest: &Guest, mdev: &Mdev);
    fn start(&self, guest: &Guest, mdev: &Mdev);
    fn stop(&self, guest: &Guest, mdev: &Mdev);
    fn undefine(&self, guest: &Guest, mdev: &Mdev);
    fn autostart(&self, guest: &Guest, mdev: &Mdev, on: bool);
}

/// Defined, set to start by itself, started, stopped, undefined; after each step seen in the kernel, in
/// mdevctl and in our list, and in the end as events in this order and no others.
#[track_caller]
pub(crate) fn persistent(guest: &Guest, hands: &dyn Hands, mdev: &Mdev) {
    let defined = |autostart, active| State::Defined { autostart, active };
    guest.follow();
    let free = mdev.instances_left(guest);
    hands.define(guest, mdev);
    mdev.expect(guest, defined(false, false));
    hands.autostart(guest, mdev, true);
    mdev.expect(guest, defined(true, false));
    hands.start(guest, mdev);
    mdev.expect(guest, defined(true, true));
    assert_eq!(mdev.instances_left(guest), free - 1);
    hands.autostart(guest, mdev, false);
    mdev.expect(guest, defined(false, true));
    hands.stop(guest, mdev);
    mdev.expect(guest, defined(false, false));
    assert_eq!(mdev.instances_left(guest), free);
    hands.undefine(guest, mdev);
    mdev.expect(guest, State::Absent);
    expect_events(
        guest,
        mdev,
        &["defined", "updated", "created", "updated", "deleted", "undefined"],
    );
}

/// Created without a definition, made persistent while it runs, undefined while it runs, stopped.
#[track_caller]
pub(crate) fn transient(guest: &Guest, hands: &dyn Hands, mdev: &Mdev) {
    guest.follow();
    hands.create(guest, mdev);
    mdev.expect(guest, State::Transient);
    hands.define(guest, mdev);
    mdev.expect(guest, State::Defined { autostart: false, active: true });
    hands.undefine(guest, mdev);
    mdev.expect(guest, State::Transient);
    hands.stop(guest, mdev);
    mdev.expect(guest, State::Absent);
    expect_events(guest, mdev, &["created", "defined", "undefined", "deleted"]);
}

/// What is heard is all that there is to hear, and the last of it is on its way at most.
#[track_caller]
pub(crate) fn expect_events(guest: &Guest, mdev: &Mdev, expected: &[&str]) {
    let name = mdev.name();
    for kind in expected {
        assert_eq!(
            guest.next_of(&name),
            *kind,
            "of {expected:?}: {:?}",
            guest.client().heard_of(&name)
        );
    }
    guest.until_followed();
    assert_eq!(guest.client().heard_of(&name), expected);
}

/// Some virsh, by how it is run.
pub(crate) struct Virsh(pub(crate) fn(&Guest, &[&str]) -> Ran);

/// The one of this machine.
pub(crate) const VIRSH: Virsh = Virsh(Guest::virsh);

impl Virsh {
    #[track_caller]
    fn run(&self, guest: &Guest, words: &[&str]) {
        (self.0)(guest, words).ok();
    }
}

impl Hands for Virsh {
    fn define(&self, guest: &Guest, mdev: &Mdev) {
        self.run(guest, &["nodedev-define", &mdev.file(guest)]);
    }

    fn create(&self, guest: &Guest, mdev: &Mdev) {
        self.run(guest, &["nodedev-create", &mdev.file(guest)]);
    }

    fn start(&self, guest: &Guest, mdev: &Mdev) {
        self.run(guest, &["nodedev-start", &mdev.name()]);
    }

    fn stop(&self, guest: &Guest, mdev: &Mdev) {
        self.run(guest, &["nodedev-destroy", &mdev.name()]);
    }

    fn undefine(&self, guest: &Guest, mdev: &Mdev) {
        self.run(guest, &["nodedev-undefine", &mdev.name()]);
    }

    fn autostart(&self, guest: &Guest, mdev: &Mdev, on: bool) {
        let name = mdev.name();
        let words = ["nodedev-autostart", &name, "--disable"];
        self.run(guest, if on { &words[..2] } else { &words });
    }
}
