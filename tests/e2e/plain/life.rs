//! The life of a device through virsh.

use crate::device::{MTTY, Mdev, State};
use crate::guest::Guest;
use crate::kernel::load;
use crate::life::{self, VIRSH};

const MDPY: Mdev = Mdev { parent: "mdpy_mdpy", address: "mdpy", mdev_type: "mdpy-hd", ..MTTY };
const MBOCHS: Mdev =
    Mdev { parent: "mbochs_mbochs", address: "mbochs", mdev_type: "mbochs-small", ..MTTY };

#[test]
fn a_device_is_defined_started_stopped_and_undefined_through_virsh() {
    life::persistent(&Guest::start(), &VIRSH, &MTTY);
}

#[test]
fn a_running_transient_device_is_made_persistent_and_undefined_while_it_runs() {
    life::transient(&Guest::start(), &VIRSH, &MTTY);
}

/// Parents that come while the daemon runs, and that libvirt does not know.
#[test]
fn devices_of_any_parent_have_the_same_life() {
    let guest = Guest::start();
    for mdev in [MDPY, MBOCHS] {
        load(mdev.address);
        guest.until("the parent is there", |guest| guest.has(mdev.parent));
        life::persistent(&guest, &VIRSH, &mdev);
    }
}

#[test]
fn twenty_fast_starts_and_stops_are_forty_events_in_their_order() {
    let guest = Guest::start();
    let name = MTTY.name();
    guest.virsh(&["nodedev-define", &MTTY.file(&guest)]).ok();
    guest.follow();
    let cycle = format!("nodedev-start {name}; nodedev-destroy {name}; ");
    guest.virsh(&[&cycle.repeat(20)]).ok();
    life::expect_events(&guest, &MTTY, &["created", "deleted"].repeat(20));
    MTTY.expect(&guest, State::Defined { autostart: false, active: false });
}
