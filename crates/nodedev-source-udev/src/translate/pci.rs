//! `pci`: PCI functions.

mod config;
mod functions;
mod vpd;

use nodedev_types::PciAddress;
use nodedev_types::fields::{device, mdev_types, pci};

use super::mdev_types::types;
use crate::reading::{Base, Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let class = reading.property_signed("PCI_CLASS", Base::Hexadecimal)?;
    let address = address(reading)?;
    let (vendor, product) = (id(reading, address, "vendor"), id(reading, address, "device"));
    let space = config::translate(reading, address);
    // The kernel makes it last: until then nothing that is missing means anything.
    if !matches!(space, Ok(true)) && !reading.files.exists(&reading.path_of("config")) {
        return Err(reading.not_yet("config"));
    }
    let (vendor, product) = (vendor?, product?);
    let types = types(reading)?;
    space?;
    functions::translate(reading, address)?;
    vpd::translate(reading, address)?;
    // Last, because it goes later than what else is read of a function, except what only a physical one has
    // (`device_del` of the kernel): then no other file has to tell that the function is there.
    let numa_node = reading.signed("numa_node", Base::Decimal)?;
    let is_virtual = reading.fields.get(pci::PHYS_FUNCTION).is_some();
    reading.is_there = is_virtual && numa_node.is_some();
    let fields = &mut reading.fields;
    fields.set(device::ADDRESS, address.to_string());
    fields.set_opt(pci::CLASS, u64::try_from(class).ok());
    fields.set(pci::ADDRESS, address);
    fields.set(pci::PRODUCT_ID, u64::from(product));
    fields.set_opt(pci::PRODUCT_NAME, reading.names.device(vendor, product));
    fields.set(pci::VENDOR_ID, u64::from(vendor));
    fields.set_opt(pci::VENDOR_NAME, reading.names.vendor(vendor));
    fields.set_opt(pci::NUMA_NODE, numa_node.and_then(|node| u64::try_from(node).ok()));
    fields.set_opt(mdev_types::TYPES, types);
    Ok(())
}

fn address(reading: &Reading<'_>) -> Result<PciAddress, Refusal> {
    let name = reading.device.file_name();
    name.parse().map_err(|_| reading.not_a("PCI address", "name", name))
}

/// A vendor or product id, which the kernel writes as `0x8086`. It is that of the function which
/// the bus knows by this address.
fn id(reading: &mut Reading<'_>, at: PciAddress, attribute: &str) -> Result<u16, Refusal> {
    let attribute = format!("/sys/bus/pci/devices/{at}/{attribute}");
    let Some(text) = reading.contents(&attribute)? else {
        return Err(reading.unreadable(&attribute, "is missing"));
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let digits = text.strip_prefix("0x");
    digits
        .filter(|digits| digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .ok_or_else(|| {
            reading.not_a("number of four hexadecimal digits behind 0x", &attribute, text)
        })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    pub(super) fn function() -> Scratch {
        Scratch::new("/sys/devices/pci0000:00/0000:00:1f.2")
            .subsystem("pci")
            .property("PCI_CLASS", "10601")
            .attribute("config", "")
            .bytes(CONFIG, &[0; 256])
            .attribute(VENDOR, "0x8086\n")
            .attribute(DEVICE, "0x2922\n")
    }

    pub(super) const CONFIG: &str = "/sys/bus/pci/devices/0000:00:1f.2/config";
    const VENDOR: &str = "/sys/bus/pci/devices/0000:00:1f.2/vendor";
    const DEVICE: &str = "/sys/bus/pci/devices/0000:00:1f.2/device";

    #[test]
    fn an_id_is_up_to_four_digits_of_the_function_on_the_bus() {
        let vendor = |text: &str| read(&function().attribute(VENDOR, text)).ok();
        assert_eq!(vendor("0xAB").unwrap().get(pci::VENDOR_ID), Some(0xab));
        for bad in ["0x\n", "0x008086\n", "0x8086\r\n", "0x8086\0\n", " 0x8086\n", "0X8086\n"] {
            assert_eq!(vendor(bad), None, "{bad:?}");
        }
        let elsewhere = Scratch::new("/sys/devices/virtual/x/0000:00:1f.2")
            .subsystem("x")
            .property("PCI_CLASS", "10601")
            .attribute("config", "")
            .attribute("vendor", "0x8086\n");
        assert!(unreadable(&elsewhere).contains("is missing"));
    }

    #[test]
    fn a_function_says_class_address_and_ids() {
        let fields = read(&function().attribute("numa_node", "-1\n")).unwrap();
        assert_eq!(fields.get(pci::CLASS), Some(0x1_0601));
        assert_eq!(fields.get(pci::ADDRESS).unwrap().to_string(), "0000:00:1f.2");
        assert_eq!(fields.get(device::ADDRESS), Some("0000:00:1f.2"));
        assert_eq!(fields.get(pci::VENDOR_ID), Some(0x8086));
        assert_eq!(fields.get(pci::PRODUCT_ID), Some(0x2922));
        assert_eq!(fields.get(pci::NUMA_NODE), None);
        assert_eq!(fields.get(mdev_types::TYPES), None);
    }

    #[test]
    fn node_zero_is_a_node() {
        let fields = read(&function().attribute("numa_node", "0\n")).unwrap();
        assert_eq!(fields.get(pci::NUMA_NODE), Some(0));
    }

    #[test]
    fn garbage_costs_the_device_and_is_named() {
        let path = "/sys/devices/pci0000:00/0000:00:1f.2";
        assert_eq!(
            unreadable(&function().attribute("numa_node", "north\n")),
            format!("{path}: numa_node: not a decimal number: `north`")
        );
        assert!(unreadable(&function().attribute(VENDOR, "8086\n")).contains("vendor"));
        assert!(unreadable(&function().attribute(DEVICE, "\n")).contains("device"));
        assert!(unreadable(&function().property("PCI_CLASS", "zz")).contains("PCI_CLASS"));
    }

    #[test]
    fn a_function_without_config_space_is_not_there_yet() {
        let scratch =
            Scratch::new("/sys/devices/pci0000:00/0000:00:1f.2").property("PCI_CLASS", "10601");
        assert!(matches!(read(&scratch), Err(Refusal::NotYet(_))));
    }

    #[test]
    fn a_name_that_is_no_address_costs_the_device() {
        let scratch = Scratch::new("/sys/devices/pci0000:00/x").property("PCI_CLASS", "10601");
        assert!(unreadable(&scratch).contains("`x`"));
    }

    #[test]
    fn types_come_in_directory_order_and_a_broken_one_costs_the_device() {
        let parent = function()
            .directory("mdev_supported_types", &["b-2", "a-1"])
            .attribute("mdev_supported_types/b-2/device_api", "vfio-pci\n")
            .attribute("mdev_supported_types/b-2/available_instances", "3\n")
            .attribute("mdev_supported_types/b-2/name", "B 2\n")
            .attribute("mdev_supported_types/a-1/device_api", "vfio-pci\n");
        assert!(unreadable(&parent).contains("mdev_supported_types/a-1/available_instances"));
        let parent = parent.attribute("mdev_supported_types/a-1/available_instances", "0\n");
        let fields = read(&parent).unwrap();
        let types = fields.get(mdev_types::TYPES).unwrap();
        assert_eq!(types[0].id, "b-2");
        assert_eq!(types[0].name.as_deref(), Some("B 2"));
        assert_eq!(types[0].available_instances, 3);
        assert_eq!((types[1].id.as_str(), &types[1].name), ("a-1", &None));
    }
}
