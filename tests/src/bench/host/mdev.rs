//! A mock host with mediated devices, in umockdev's format, and their definitions: of four devices one
//! runs without a definition, one with, one is defined to start by itself, one by hand. Pure.

use std::fmt::Write as _;

/// Mediated devices of one parent.
const OF_A_PARENT: usize = 20;
/// Parents behind one root port.
const OF_A_PORT: usize = 8;
/// Types of each parent: name, what it is called, how many of it there can be.
const TYPES: [(&str, &str, usize); 4] = [
    ("quarter-1", "Q1", 32),
    ("quarter-2", "Q2", 16),
    ("quarter-4", "Q4", 8),
    ("quarter-8", "Q8", 4),
];

/// A host and what mdevctl's folder holds.
#[derive(Debug, Default)]
pub struct Described {
    /// The host in umockdev's format.
    pub text: String,
    /// Definitions: path below mdevctl's folder, and contents.
    pub definitions: Vec<(String, String)>,
}

/// The description of a host with so many mediated devices, half of them running.
#[must_use]
pub fn describe(count: usize) -> Described {
    let mut host = Described::default();
    for parent in 0..count.div_ceil(OF_A_PARENT) {
        let (port, slot) = (parent / OF_A_PORT, parent % OF_A_PORT);
        let (domain, bus) = (port / 31, port % 31 + 1);
        let path = format!("/devices/pci{domain:04x}:00/{domain:04x}:00:{bus:02x}.0");
        if slot == 0 {
            host.function(&path, 0x06_0400, "pcieport", "");
        }
        let address = format!("{domain:04x}:{bus:02x}:{slot:02x}.0");
        let path = format!("{path}/{address}");
        host.function(&path, 0x03_0000, "nvidia", &types());
        for number in parent * OF_A_PARENT..count.min((parent + 1) * OF_A_PARENT) {
            host.mediated(&path, &address, number);
        }
    }
    host
}

fn types() -> String {
    let mut text = String::new();
    for (name, title, available) in TYPES {
        let folder = format!("A: mdev_supported_types/{name}");
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{folder}/name={title}\\n\n{folder}/device_api=vfio-pci\\n\n\
             {folder}/available_instances={available}\\n\n{folder}/description=heads: 4\\n\n\
             {folder}/create=\n"
        );
    }
    text
}

impl Described {
    fn function(&mut self, path: &str, class: u32, driver: &str, further: &str) {
        let up = "../".repeat(path.matches('/').count());
        let name = path.rsplit('/').next().unwrap_or_default();
        // Libvirt waits a second for each function without a configuration space.
        let mut space =
            format!("de10b8130604100000{:02x}{:02x}{:02x}", 0, class >> 8 & 0xff, class >> 16);
        let _ = write!(space, "{:0<488}", "");
        let _ = write!(
            self.text,
            "P: {path}\nE: SUBSYSTEM=pci\nE: DRIVER={driver}\nE: PCI_CLASS={class:X}\n\
             E: PCI_ID=10DE:13B8\nE: PCI_SLOT_NAME={name}\nA: vendor=0x10de\\n\nA: device=0x13b8\\n\n\
             A: class={class:#08x}\\n\nA: numa_node=0\\n\nH: config={space}\n\
             L: driver={up}bus/pci/drivers/{driver}\n{further}\n"
        );
    }

    fn mediated(&mut self, parent: &str, address: &str, number: usize) {
        let uuid = format!("5f6b1d1c-0000-4000-8000-{number:012x}");
        let (kind, _, _) = TYPES[number / 4 % 2];
        let up = "../".repeat(parent.matches('/').count() + 1);
        if number % 4 < 2 {
            let group = 10_000 + number;
            let _ = write!(
                self.text,
                "P: {parent}/{uuid}\nE: SUBSYSTEM=mdev\nE: DRIVER=vfio_mdev\n\
                 L: mdev_type=../mdev_supported_types/{kind}\nL: driver={up}bus/mdev/drivers/vfio_mdev\n\
                 L: iommu_group={up}kernel/iommu_groups/{group}\nA: remove=\n\n"
            );
        }
        if !number.is_multiple_of(4) {
            let start = if number % 4 == 2 { "auto" } else { "manual" };
            let attributes = if number.is_multiple_of(5) { "{\"heads\":\"4\"}" } else { "" };
            self.definitions.push((
                format!("{address}/{uuid}"),
                format!(
                    "{{\"mdev_type\":\"{kind}\",\"start\":\"{start}\",\"attrs\":[{attributes}]}}\n"
                ),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use nodedev_source_testkit::mock_host::parse;

    use super::*;

    #[test]
    fn half_run_and_three_quarters_are_defined() {
        let host = describe(1000);
        let records = parse(&host.text).unwrap();
        let running = records.iter().filter(|record| record.subsystem() == "mdev").count();
        assert_eq!((running, host.definitions.len()), (500, 750));
        assert_eq!(records.iter().filter(|r| r.subsystem() == "pci").count(), 50 + 7);
    }

    #[test]
    fn definitions_are_json() {
        for (path, text) in describe(40).definitions {
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{path}: {text}");
        }
    }
}
