//! Mediated devices.

use nodedev_types::{Fields, fields::mdev};

use super::output::Output;
use crate::Form;

/// The IOMMU group is always printed, 0 where there is none. Unlike libvirt, attributes are escaped.
pub(super) fn write(out: &mut Output<'_>, fields: &Fields, form: Form) {
    let (mdev_type, attributes) = match form {
        Form::Live => (mdev::TYPE, mdev::ATTRIBUTES),
        Form::Inactive => (mdev::DEFINED_TYPE, mdev::DEFINED_ATTRIBUTES),
    };
    if let Some(id) = fields.get(mdev_type) {
        out.element("type").attribute("id", id).empty();
    }
    out.text("uuid", fields.get(mdev::UUID));
    out.text("parent_addr", fields.get(mdev::PARENT_ADDR));
    let group = fields.get(mdev::IOMMU_GROUP).unwrap_or(0);
    out.element("iommuGroup").attribute_display("number", format_args!("{group}")).empty();
    for attribute in fields.get(attributes).unwrap_or_default() {
        out.element("attr")
            .attribute("name", &attribute.name)
            .attribute("value", &attribute.value)
            .empty();
    }
}
