//! PCI functions.

use nodedev_types::{Fields, fields::pci};

use super::identified::{self, NoName};
use super::mdev_types;
use super::output::Output;

/// One line per part, in libvirt's order, which is fixed.
pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    class(out, fields);
    address(out, fields);
    product_and_vendor(out, fields);
    // The place of phys_function, virt_functions and the header type, in this order.
    mdev_types::write(out, fields);
    // The place of vpd, then of iommuGroup.
    numa(out, fields);
    // The place of pci-express.
}

fn class(out: &mut Output<'_>, fields: &Fields) {
    if let Some(class) = fields.get(pci::CLASS) {
        out.element("class").display(format_args!("0x{class:06x}"));
    }
}

fn address(out: &mut Output<'_>, fields: &Fields) {
    if let Some(address) = fields.get(pci::ADDRESS) {
        out.signed("domain", Some(address.domain.into()));
        out.number("bus", Some(address.bus.into()));
        out.number("slot", Some(address.slot.into()));
        out.number("function", Some(address.function.into()));
    }
}

fn product_and_vendor(out: &mut Output<'_>, fields: &Fields) {
    let product = (fields.get(pci::PRODUCT_ID), fields.get(pci::PRODUCT_NAME));
    identified::write(out, "product", product, NoName::Tight);
    let vendor = (fields.get(pci::VENDOR_ID), fields.get(pci::VENDOR_NAME));
    identified::write(out, "vendor", vendor, NoName::Tight);
}

fn numa(out: &mut Output<'_>, fields: &Fields) {
    if let Some(node) = fields.get(pci::NUMA_NODE) {
        out.element("numa").attribute_display("node", format_args!("{node}")).empty();
    }
}
