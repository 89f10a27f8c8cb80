//! Mediated devices inside a PCI device, which is a parent only while its driver is bound.

use crate::device::{MTTY, Mdev, State};
use crate::guest::{Guest, Wanted};
use crate::kernel::{load, runs};
use crate::life::{self, VIRSH};

const ADDRESS: &str = "0000:00:07.0";
const SMALL: Mdev =
    Mdev { parent: "pci_0000_00_07_0", address: ADDRESS, mdev_type: "nodedev_mdev-small", ..MTTY };
const LARGE: Mdev =
    Mdev { mdev_type: "nodedev_mdev-large", uuid: "22222222-2222-4333-8444-555555555555", ..SMALL };

#[test]
fn a_pci_device_is_a_parent_while_its_driver_is_bound() {
    let guest = Guest::with(&Wanted::default());
    guest.follow();
    assert!(!guest.document(SMALL.parent).contains("mdev_types"));
    load("nodedev_mdev");
    assert_eq!(guest.next_of(SMALL.parent), "updated");
    guest.until("the list has its types", |guest| {
        guest.document(SMALL.parent).contains("<type id='nodedev_mdev-small'>")
    });
    life::persistent(&guest, &VIRSH, &SMALL);

    // Two types share the room of the card.
    guest.client().create(&LARGE).unwrap();
    assert_eq!((SMALL.instances_left(&guest), LARGE.instances_left(&guest)), (4, 1));
    guest.client().define(&SMALL).unwrap();
    SMALL.expect(&guest, State::Defined { autostart: false, active: false });
    guest.expect_as_freshly_started();

    guest.follow();
    std::fs::write("/sys/bus/pci/drivers/nodedev_mdev/unbind", ADDRESS).unwrap();
    assert!(!runs(LARGE.uuid));
    assert_eq!(guest.next_of(&LARGE.name()), "deleted");
    guest.until("it is no parent any more", |guest| {
        !guest.document(SMALL.parent).contains("mdev_types") && !guest.has(&LARGE.name())
    });
    guest.until_followed();
    guest.expect_as_freshly_started();
}
