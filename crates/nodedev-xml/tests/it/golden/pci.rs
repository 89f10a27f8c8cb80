//! PCI functions.

use nodedev_types::fields::{self, pci};
use nodedev_types::{
    Capability, PciAddress, PciExpress, PciLink, PciVpd, PciVpdField, PciVpdReadonly,
    PciVpdReadwrite,
};

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

#[test]
fn pci_with_functions_product_data_group_and_link() {
    let path = "/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0";
    let link = |port, speed: Option<&str>, width| {
        let speed = speed.map(|speed| speed.parse().unwrap());
        Some(PciLink { port, speed, width })
    };
    let function = kernel_device("pci_0000_01_00_0", Capability::Pci, path)
        .below("pci_0000_00_1c_0")
        .with(pci::CLASS, 0x02_0000_u64)
        .with(pci::ADDRESS, pci_address(0, 1, 0, 0))
        .with(pci::PRODUCT_ID, 0x1572_u64)
        .with(pci::VENDOR_ID, 0x8086_u64)
        .with(pci::PHYS_FUNCTION, pci_address(0x1_0000, 0xe1, 0x1f, 7))
        .with(pci::VIRT_FUNCTIONS_MAX_COUNT, 8_u64)
        .with(pci::VIRT_FUNCTIONS, vec![pci_address(0, 0, 0x1e, 7), pci_address(0, 0, 0x1e, 0)])
        .with(pci::HEADER, "pci-bridge")
        .with(pci::VPD, product_data())
        .with(pci::IOMMU_GROUP, 0_u64)
        .with(pci::IOMMU_GROUP_ADDRESSES, vec![pci_address(0, 1, 0, 0), pci_address(0, 0, 0, 10)])
        .with(pci::NUMA_NODE, 1_u64)
        .with(
            pci::EXPRESS,
            PciExpress { cap: link(Some(0), Some("2.5"), 4), sta: link(None, None, 0) },
        );
    check_live("pci-of-everything", function);
}

fn product_data() -> PciVpd {
    let field = |index, value: &str| PciVpdField { index, value: value.to_owned() };
    PciVpd {
        name: Some("My <NIC>".to_owned()),
        readonly: Some(PciVpdReadonly {
            change_level: Some("A1".to_owned()),
            manufacture_id: Some("1028".to_owned()),
            part_number: Some("PN-1".to_owned()),
            serial_number: Some(String::new()),
            vendor_fields: vec![field('B', "x\"y"), field('0', "")],
        }),
        readwrite: Some(PciVpdReadwrite {
            asset_tag: Some("asset".to_owned()),
            vendor_fields: vec![field('1', "rwv")],
            system_fields: vec![field('0', "sys0")],
        }),
    }
}

#[test]
fn pci_with_room_for_functions_and_a_section_that_shows_nothing() {
    let path = "/sys/devices/pci0000:00/0000:00:1d.0";
    let vpd = PciVpd { readonly: Some(PciVpdReadonly::default()), ..PciVpd::default() };
    let function = kernel_device("pci_0000_00_1d_0", Capability::Pci, path)
        .with(pci::CLASS, 0x06_0700_u64)
        .with(pci::VIRT_FUNCTIONS_MAX_COUNT, 4_294_967_295_u64)
        .with(pci::HEADER, "cardbus-bridge")
        .with(pci::VPD, vpd)
        .with(pci::IOMMU_GROUP, 3_u64)
        .with(pci::EXPRESS, PciExpress::default());
    check_live("pci-of-little", function);
}
