//! PCI functions.

use nodedev_types::{Fields, PciAddress, fields::pci};

use super::element::Element;
use super::{identified, mdev_types};
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    if let Some(class) = element.child("class") {
        fields.set(pci::CLASS, class.hex()?);
    }
    address(element, fields)?;
    let product = (pci::PRODUCT_ID, pci::PRODUCT_NAME);
    identified::read(element, fields, "product", product)?;
    let vendor = (pci::VENDOR_ID, pci::VENDOR_NAME);
    identified::read(element, fields, "vendor", vendor)?;
    // The place of phys_function, virt_functions and the header type.
    mdev_types::read(element, fields)?;
    // The place of vpd and iommuGroup.
    if let Some(numa) = element.child("numa") {
        fields.set_opt(pci::NUMA_NODE, numa.attribute_number("node")?);
    }
    // The place of pci-express.
    Ok(())
}

/// The four parts of an address make sense together only: all of them or none.
fn address(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    let parts = ["domain", "bus", "slot", "function"];
    if parts.iter().all(|part| element.child(part).is_none()) {
        return Ok(());
    }
    let address = PciAddress {
        domain: element.required_signed("domain")?,
        bus: element.required_number("bus")?,
        slot: element.required_number("slot")?,
        function: element.required_number("function")?,
    };
    fields.set(pci::ADDRESS, address);
    Ok(())
}
