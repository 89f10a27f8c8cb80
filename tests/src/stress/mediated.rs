//! Mediated devices that are only defined: any PCI device will do as their parent.

use nodedev_mutants::Random;

use crate::lab::Lab;

/// The parent, by what mdevctl calls it and as a node device.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) address: String,
    pub(super) name: String,
}

impl Parent {
    /// The first PCI device of this machine.
    pub(super) fn of(lab: &Lab) -> Self {
        let listed = lab.run("ls", &["/sys/bus/pci/devices"]);
        let address = listed.lines().next().expect("there is a PCI device").to_owned();
        let name = format!("pci_{address}").replace([':', '.'], "_");
        Self { address, name }
    }

    /// A device below it.
    pub(super) fn device(&self, uuid: &str) -> String {
        format!("mdev_{uuid}_{}", self.address).replace(['-', ':', '.'], "_")
    }

    /// A document of it.
    pub(super) fn document(&self, uuid: &str) -> String {
        format!(
            "<device><parent>{}</parent><capability type='mdev'><type id='some-type'/>\
             <uuid>{uuid}</uuid><attr name='weight' value='7'/></capability></device>",
            self.name
        )
    }
}

/// One that was not there before.
pub(super) fn uuid(random: &mut Random) -> String {
    let hex = format!("{:016x}{:016x}", random.next(), random.next());
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
