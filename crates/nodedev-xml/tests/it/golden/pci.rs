//! PCI functions.

use nodedev_types::fields::{self, pci};
use nodedev_types::{Capability, PciAddress};

use super::{check_live, mdev_type};
use crate::device::kernel_device;

#[test]
fn pci_with_mdev_types_in_their_own_order() {
    let path = "/sys/devices/pci0000:00/0000:00:02.0";
    let types = vec![
        mdev_type("i915-GVTg_V5_8", Some("GVTg & V5"), 3),
        mdev_type("i915-GVTg_V5_4", None, 0),
    ];
    let gpu = kernel_device("pci_0000_00_02_0", Capability::Pci, path)
        .with(fields::device::DRIVER, "i915")
        .with(pci::CLASS, 0x03_0000_u64)
        .with(pci::ADDRESS, pci_address(0, 0, 31, 7))
        .with(pci::PRODUCT_ID, 0x0412_u64)
        .with(pci::PRODUCT_NAME, "Graphics <4th Gen>")
        .with(pci::VENDOR_ID, 0x8086_u64)
        .with(pci::VENDOR_NAME, "Intel Corporation")
        .with(fields::mdev_types::TYPES, types)
        .with(pci::NUMA_NODE, 1_u64);
    check_live("pci", gpu);
}

const fn pci_address(domain: u32, bus: u8, slot: u8, function: u8) -> PciAddress {
    PciAddress { domain, bus, slot, function }
}

#[test]
fn pci_without_a_name_ends_the_tag_and_an_empty_name_does_not() {
    let path = "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:10.7";
    let function = kernel_device("pci_10000_e1_10_7", Capability::Pci, path)
        .below("pci_0000_00_0e_0")
        .with(pci::CLASS, 0xff_ffff_u64)
        .with(pci::ADDRESS, pci_address(0x1_0000, 0xe1, 0x10, 7))
        .with(pci::PRODUCT_ID, 0x0d57_u64)
        .with(pci::VENDOR_ID, 0x8086_u64)
        .with(pci::VENDOR_NAME, "");
    check_live("pci-without-names", function);
}
