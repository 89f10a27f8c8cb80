//! A mock host with as many PCI devices as wanted, in umockdev's format: root ports, network cards with
//! virtual functions, an IOMMU group for each, an interface for each card. Pure.

use std::fmt::Write as _;

/// Virtual functions of a card.
const FUNCTIONS: usize = 31;
/// Root ports of a domain.
const PORTS: usize = 31;

/// Where the functions of a host are numbered.
#[derive(Debug, Default)]
struct Host {
    text: String,
    devices: usize,
    cards: usize,
}

/// The description of a host with so many PCI devices.
#[must_use]
pub fn describe(count: usize) -> String {
    let mut host = Host::default();
    host.text.push_str("P: /devices/virtual/dmi/id\nE: SUBSYSTEM=dmi\nA: sys_vendor=Nobody\\n\n\n");
    for port in 0.. {
        if host.devices >= count {
            break;
        }
        let (domain, slot) = (port / PORTS, port % PORTS + 1);
        let bus = format!("/devices/pci{domain:04x}:00/{domain:04x}:00:{slot:02x}.0");
        host.function(&bus, &Kind::PORT, "");
        host.card(&bus, domain, slot, count);
    }
    host.text
}

/// What a function is.
#[derive(Debug)]
struct Kind {
    vendor: u16,
    device: u16,
    class: u32,
    driver: &'static str,
    is_port: bool,
}

impl Kind {
    const PORT: Self = Self {
        vendor: 0x8086,
        device: 0x347a,
        class: 0x06_0400,
        driver: "pcieport",
        is_port: true,
    };
    const CARD: Self = Self {
        vendor: 0x15b3,
        device: 0x101d,
        class: 0x02_0000,
        driver: "mlx5_core",
        is_port: false,
    };
    const VIRTUAL: Self = Self {
        vendor: 0x15b3,
        device: 0x101e,
        class: 0x02_0000,
        driver: "vfio-pci",
        is_port: false,
    };
}

impl Host {
    /// A card behind a port, with its interface and as many virtual functions as there is room for.
    fn card(&mut self, port: &str, domain: usize, bus: usize, count: usize) {
        let Some(left) = count.checked_sub(self.devices + 1) else { return };
        let functions = left.min(FUNCTIONS);
        let address =
            |number: usize| format!("{domain:04x}:{bus:02x}:{:02x}.{}", number / 8, number % 8);
        let mut further =
            format!("A: sriov_totalvfs={FUNCTIONS}\\n\nA: sriov_numvfs={functions}\\n\n");
        for number in 0..functions {
            // Writing to a string cannot fail.
            let _ = writeln!(further, "L: virtfn{number}=../{}", address(number + 1));
        }
        let card = format!("{port}/{}", address(0));
        self.function(&card, &Kind::CARD, &further);
        self.cards += 1;
        let index = self.cards + 1;
        let _ = write!(
            self.text,
            "P: {card}/net/en{index}\nE: SUBSYSTEM=net\nE: INTERFACE=en{index}\nE: IFINDEX={index}\n\
             A: address=02:00:00:00:{:02x}:{:02x}\\n\nA: addr_len=6\\n\nA: operstate=up\\n\n\
             A: speed=100000\\n\n\n",
            index >> 8 & 0xff,
            index & 0xff,
        );
        for number in 1..=functions {
            let further = format!("L: physfn=../{}\n", address(0));
            self.function(&format!("{port}/{}", address(number)), &Kind::VIRTUAL, &further);
        }
    }

    fn function(&mut self, path: &str, kind: &Kind, further: &str) {
        let Kind { vendor, device, class, driver, .. } = kind;
        let (up, name) = ("../".repeat(path.matches('/').count()), path.rsplit('/').next());
        let (name, group) = (name.unwrap_or_default(), self.devices);
        let _ = write!(
            self.text,
            "P: {path}\nE: SUBSYSTEM=pci\nE: DRIVER={driver}\nE: PCI_CLASS={class:X}\n\
             E: PCI_ID={vendor:04X}:{device:04X}\nE: PCI_SLOT_NAME={name}\n\
             E: ID_VENDOR_FROM_DATABASE=Vendor {vendor:04x}\nE: ID_MODEL_FROM_DATABASE=Model {device:04x}\n\
             A: vendor={vendor:#06x}\\n\nA: device={device:#06x}\\n\nA: class={class:#08x}\\n\n\
             A: numa_node=0\\n\nH: config={}\nL: driver={up}bus/pci/drivers/{driver}\n\
             L: iommu_group={up}kernel/iommu_groups/{group}\n{further}\n",
            configuration(kind),
        );
        self.devices += 1;
    }
}

/// The configuration space: a header and a PCI Express capability with 16 lanes at 16 GT/s.
fn configuration(kind: &Kind) -> String {
    let mut bytes = [0_u8; 256];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0x00, &kind.vendor.to_le_bytes());
    put(0x02, &kind.device.to_le_bytes());
    // Memory and bus mastering are on; there is a list of capabilities.
    put(0x04, &[0x06, 0x04, 0x10, 0x00]);
    put(0x09, &kind.class.to_le_bytes()[..3]);
    put(0x0e, &[u8::from(kind.is_port)]);
    put(0x34, &[0x40]);
    put(0x40, &[0x10, 0x00, if kind.is_port { 0x42 } else { 0x02 }, 0x00]);
    put(0x4c, &0x0000_0104_u32.to_le_bytes());
    put(0x52, &0x0104_u16.to_le_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nodedev_source_testkit::mock_host::parse;

    use super::*;

    #[test]
    fn there_are_as_many_as_were_wanted() {
        for count in [1, 2, 10, 33, 100, 1000] {
            let records = parse(&describe(count)).unwrap();
            let pci: Vec<_> = records.iter().filter(|r| r.subsystem() == "pci").collect();
            assert_eq!(pci.len(), count);
            let names: BTreeSet<_> = pci.iter().map(|record| record.sysname()).collect();
            assert_eq!(names.len(), count, "addresses are not given twice");
        }
    }

    #[test]
    fn a_configuration_space_says_what_the_files_say() {
        let text = configuration(&Kind::CARD);
        assert_eq!(text.len(), 512);
        assert!(text.starts_with("b3151d1006041000"), "{text}");
        assert_eq!(&text[0x40 * 2..0x40 * 2 + 8], "10000200");
    }
}
