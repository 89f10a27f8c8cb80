//! Vital product data of a PCI function.

use nodedev_types::{PciVpd, PciVpdField, PciVpdReadonly, PciVpdReadwrite};

use super::output::Output;

/// What is inside the capability. A section that is there is printed even if it shows nothing.
pub(super) fn write(out: &mut Output<'_>, vpd: &PciVpd) {
    out.text("name", vpd.name.as_deref());
    if let Some(section) = &vpd.readonly {
        let element = out.element("fields").attribute("access", "readonly");
        element.block(|out| readonly(out, section));
    }
    if let Some(section) = &vpd.readwrite {
        let element = out.element("fields").attribute("access", "readwrite");
        element.block(|out| readwrite(out, section));
    }
}

fn readonly(out: &mut Output<'_>, section: &PciVpdReadonly) {
    out.text("change_level", section.change_level.as_deref());
    out.text("manufacture_id", section.manufacture_id.as_deref());
    out.text("part_number", section.part_number.as_deref());
    out.text("serial_number", section.serial_number.as_deref());
    indexed(out, "vendor_field", &section.vendor_fields);
}

fn readwrite(out: &mut Output<'_>, section: &PciVpdReadwrite) {
    out.text("asset_tag", section.asset_tag.as_deref());
    indexed(out, "vendor_field", &section.vendor_fields);
    indexed(out, "system_field", &section.system_fields);
}

/// An empty field is one tag, unlike the others.
fn indexed(out: &mut Output<'_>, tag: &'static str, fields: &[PciVpdField]) {
    for field in fields {
        let mut index = [0; 4];
        let element = out.element(tag).attribute("index", field.index.encode_utf8(&mut index));
        if field.value.is_empty() {
            element.empty();
        } else {
            element.text(&field.value);
        }
    }
}
