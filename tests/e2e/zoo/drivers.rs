//! Drivers that are bound and unbound.

use crate::guest::{Guest, Wanted};
use crate::kernel::command;

const ADDRESS: &str = "0000:02:00.0";
const PCI: &str = "pci_0000_02_00_0";

fn driver(guest: &Guest) -> String {
    let document = guest.device(PCI)["document"].as_str().unwrap().to_owned();
    let driver = document.split("<driver>\n    <name>").nth(1);
    driver.and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned()
}

fn interfaces(guest: &Guest) -> Vec<String> {
    let below = |parent: &serde_json::Value| parent == PCI;
    guest.devices().into_iter().filter(|(_, d)| below(&d["parent"])).map(|(name, _)| name).collect()
}

#[test]
fn a_driver_that_is_bound_or_unbound_is_an_updated() {
    let guest = Guest::with(&Wanted::default());
    assert_eq!(driver(&guest), "e1000e");
    let [interface] = &interfaces(&guest)[..] else {
        panic!("one interface: {:?}", interfaces(&guest));
    };
    guest.follow();
    command(&["bind-driver", "vfio-pci", ADDRESS]);
    assert_eq!(guest.next_of(interface), "deleted");
    assert_eq!(guest.next_of(PCI), "updated");
    guest.until("the list has it", |guest| driver(guest) == "vfio-pci");
    guest.until_followed();
    assert_eq!(interfaces(&guest), [""; 0]);
    command(&["bind-driver", "", ADDRESS]);
    assert_eq!(guest.next_of(PCI), "updated");
    assert_eq!(guest.next_of(interface), "created");
    guest.until("the list has it", |guest| driver(guest) == "e1000e");
    guest.until_followed();
    guest.expect_as_freshly_started();
    let heard = guest.client().heard_of(PCI);
    assert!(heard.iter().all(|kind| kind == "updated"), "it stays the same device: {heard:?}");
}
