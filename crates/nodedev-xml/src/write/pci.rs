//! PCI functions.

use nodedev_types::{Capability, Fields, PciAddress, PciExpress, PciLink, fields::pci};

use super::identified::{self, NoName};
use super::output::Output;
use super::{mdev_types, vpd};

/// One line per part, in libvirt's order, which is fixed.
pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    class(out, fields);
    address(out, fields);
    product_and_vendor(out, fields);
    phys_function(out, fields);
    virt_functions(out, fields);
    header(out, fields);
    mdev_types::write(out, fields);
    if let Some(data) = fields.get(pci::VPD) {
        out.capability(Capability::Vpd.as_str(), |out| vpd::write(out, data));
    }
    iommu_group(out, fields);
    numa(out, fields);
    if let Some(of_function) = fields.get(pci::EXPRESS) {
        express(out, of_function);
    }
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

fn phys_function(out: &mut Output<'_>, fields: &Fields) {
    if let Some(address) = fields.get(pci::PHYS_FUNCTION) {
        out.capability("phys_function", |out| address_of(out, address));
    }
}

/// Printed for a function that has any virtual function or could make one.
fn virt_functions(out: &mut Output<'_>, fields: &Fields) {
    let most = fields.get(pci::VIRT_FUNCTIONS_MAX_COUNT).filter(|&most| most > 0);
    let addresses = fields.get(pci::VIRT_FUNCTIONS).unwrap_or_default();
    if most.is_none() && addresses.is_empty() {
        return;
    }
    let mut element = out.element("capability").attribute("type", "virt_functions");
    if let Some(most) = most {
        element = element.attribute_display("maxCount", format_args!("{most}"));
    }
    if addresses.is_empty() {
        element.empty();
    } else {
        element.block(|out| addresses.iter().for_each(|&address| address_of(out, address)));
    }
}

fn header(out: &mut Output<'_>, fields: &Fields) {
    if let Some(header) = fields.get(pci::HEADER) {
        out.element("capability").attribute("type", header).empty();
    }
}

/// A group without a member, or members of no group, are not printed.
fn iommu_group(out: &mut Output<'_>, fields: &Fields) {
    let addresses = fields.get(pci::IOMMU_GROUP_ADDRESSES).unwrap_or_default();
    let Some(number) = fields.get(pci::IOMMU_GROUP).filter(|_| !addresses.is_empty()) else {
        return;
    };
    let element = out.element("iommuGroup").attribute_display("number", format_args!("{number}"));
    element.block(|out| addresses.iter().for_each(|&address| address_of(out, address)));
}

/// The function is a decimal number behind `0x`.
fn address_of(out: &mut Output<'_>, address: PciAddress) {
    let PciAddress { domain, bus, slot, function } = address;
    out.element("address")
        .attribute_display("domain", format_args!("0x{domain:04x}"))
        .attribute_display("bus", format_args!("0x{bus:02x}"))
        .attribute_display("slot", format_args!("0x{slot:02x}"))
        .attribute_display("function", format_args!("0x{function}"))
        .empty();
}

fn numa(out: &mut Output<'_>, fields: &Fields) {
    if let Some(node) = fields.get(pci::NUMA_NODE) {
        out.element("numa").attribute_display("node", format_args!("{node}")).empty();
    }
}

fn express(out: &mut Output<'_>, express: &PciExpress) {
    let element = out.element("pci-express");
    if express.cap.is_none() && express.sta.is_none() {
        return element.empty();
    }
    element.block(|out| {
        link(out, "cap", express.cap.as_ref());
        link(out, "sta", express.sta.as_ref());
    });
}

fn link(out: &mut Output<'_>, validity: &str, link: Option<&PciLink>) {
    let Some(link) = link else { return };
    let mut element = out.element("link").attribute("validity", validity);
    if let Some(port) = link.port {
        element = element.attribute_display("port", format_args!("{port}"));
    }
    if let Some(speed) = link.speed {
        element = element.attribute_display("speed", format_args!("{speed}"));
    }
    element.attribute_display("width", format_args!("{}", link.width)).empty();
}
