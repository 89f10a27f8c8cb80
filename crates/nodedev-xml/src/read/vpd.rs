//! Vital product data of a PCI function.

use nodedev_types::{PciVpd, PciVpdField, PciVpdReadonly, PciVpdReadwrite};

use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>) -> Result<PciVpd, Error> {
    let mut vpd = PciVpd { name: element.child_text("name"), ..PciVpd::default() };
    for section in element.children("fields") {
        match section.required("access")? {
            "readonly" if vpd.readonly.is_some() => (),
            "readonly" => vpd.readonly = Some(readonly(section)?),
            "readwrite" if vpd.readwrite.is_some() => (),
            "readwrite" => vpd.readwrite = Some(readwrite(section)?),
            _ => return Err(section.invalid_attribute("access", "`readonly` or `readwrite`")),
        }
    }
    Ok(vpd)
}

fn readonly(section: Element<'_, '_>) -> Result<PciVpdReadonly, Error> {
    Ok(PciVpdReadonly {
        change_level: section.child_text("change_level"),
        manufacture_id: section.child_text("manufacture_id"),
        part_number: section.child_text("part_number"),
        serial_number: section.child_text("serial_number"),
        vendor_fields: indexed(section, "vendor_field")?,
    })
}

fn readwrite(section: Element<'_, '_>) -> Result<PciVpdReadwrite, Error> {
    Ok(PciVpdReadwrite {
        asset_tag: section.child_text("asset_tag"),
        vendor_fields: indexed(section, "vendor_field")?,
        system_fields: indexed(section, "system_field")?,
    })
}

fn indexed(section: Element<'_, '_>, tag: &str) -> Result<Vec<PciVpdField>, Error> {
    section.children(tag).map(one).collect()
}

fn one(element: Element<'_, '_>) -> Result<PciVpdField, Error> {
    let mut characters = element.required("index")?.chars();
    match (characters.next(), characters.next()) {
        (Some(index), None) => Ok(PciVpdField { index, value: element.text() }),
        _ => Err(element.invalid_attribute("index", "one character")),
    }
}
