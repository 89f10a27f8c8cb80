//! PCI functions.

use nodedev_types::{Capability, Fields, PciAddress, PciExpress, PciLink, fields::pci};

use super::element::Element;
use super::{identified, mdev_types, vpd};
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
    functions(element, fields)?;
    header(element, fields);
    mdev_types::read(element, fields)?;
    if let Some(data) = element.capability(Capability::Vpd.as_str()) {
        fields.set(pci::VPD, vpd::read(data)?);
    }
    iommu_group(element, fields)?;
    if let Some(numa) = element.child("numa") {
        fields.set_opt(pci::NUMA_NODE, numa.attribute_number("node")?);
    }
    if let Some(found) = element.child("pci-express") {
        fields.set(pci::EXPRESS, express(found)?);
    }
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

fn functions(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    if let Some(physical) = element.capability("phys_function") {
        let address = physical.child("address").ok_or_else(|| physical.missing("address"))?;
        fields.set(pci::PHYS_FUNCTION, address_of(address)?);
    }
    if let Some(virtual_ones) = element.capability("virt_functions") {
        let most = virtual_ones.attribute_number("maxCount")?;
        fields.set_opt(pci::VIRT_FUNCTIONS_MAX_COUNT, most);
        fields.set_opt(pci::VIRT_FUNCTIONS, addresses(virtual_ones)?);
    }
    Ok(())
}

fn header(element: Element<'_, '_>, fields: &mut Fields) {
    let known = ["pci-bridge", "cardbus-bridge"];
    let header = known.into_iter().find(|header| element.capability(header).is_some());
    fields.set_opt(pci::HEADER, header);
}

fn iommu_group(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    let Some(group) = element.child("iommuGroup") else {
        return Ok(());
    };
    group.required("number")?;
    fields.set_opt(pci::IOMMU_GROUP, group.attribute_number("number")?);
    fields.set_opt(pci::IOMMU_GROUP_ADDRESSES, addresses(group)?);
    Ok(())
}

/// The addresses directly inside, in order; absent when there is none.
fn addresses(element: Element<'_, '_>) -> Result<Option<Vec<PciAddress>>, Error> {
    let addresses: Vec<_> =
        element.children("address").map(address_of).collect::<Result<_, _>>()?;
    Ok(Some(addresses).filter(|addresses| !addresses.is_empty()))
}

fn address_of(element: Element<'_, '_>) -> Result<PciAddress, Error> {
    let domain = element.required_hex("domain")?;
    let domain = u32::try_from(domain)
        .map_err(|_| element.invalid_attribute("domain", "a hexadecimal number of 32 bits"))?;
    let byte = |name| {
        u8::try_from(element.required_hex(name)?)
            .map_err(|_| element.invalid_attribute(name, "a hexadecimal number of 8 bits"))
    };
    let (bus, slot) = (byte("bus")?, byte("slot")?);
    let text = element.required("function")?;
    // Decimal behind `0x`: that is how libvirt prints it.
    let function = text.strip_prefix("0x").unwrap_or(text);
    let function = function.bytes().all(|b| b.is_ascii_digit()).then(|| function.parse().ok());
    let Some(function) = function.flatten() else {
        return Err(element.invalid_attribute("function", "the number of a function"));
    };
    Ok(PciAddress { domain, bus, slot, function })
}

fn express(element: Element<'_, '_>) -> Result<PciExpress, Error> {
    let mut express = PciExpress::default();
    for found in element.children("link") {
        let part = match found.required("validity")? {
            "cap" => &mut express.cap,
            "sta" => &mut express.sta,
            _ => return Err(found.invalid_attribute("validity", "`cap` or `sta`")),
        };
        let read = link(found)?;
        part.get_or_insert(read);
    }
    Ok(express)
}

fn link(element: Element<'_, '_>) -> Result<PciLink, Error> {
    element.required("width")?;
    // A speed that libvirt has no word for.
    let speed = element.attribute("speed").filter(|&speed| speed != "(null)");
    let speed = speed.map(str::parse).transpose();
    Ok(PciLink {
        port: element.attribute_number("port")?,
        speed: speed.map_err(|_| element.invalid_attribute("speed", "the speed of a link"))?,
        width: element.attribute_number("width")?.unwrap_or_default(),
    })
}
