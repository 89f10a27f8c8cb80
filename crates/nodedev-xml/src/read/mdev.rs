//! Mediated devices.

use nodedev_types::{Fields, MdevAttribute, fields::mdev};

use super::element::Element;
use crate::{Error, Form};

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields, form: Form) -> Result<(), Error> {
    let (mdev_type, attributes) = match form {
        Form::Live => (mdev::TYPE, mdev::ATTRIBUTES),
        Form::Inactive => (mdev::DEFINED_TYPE, mdev::DEFINED_ATTRIBUTES),
    };
    if let Some(element) = element.child("type") {
        fields.set(mdev_type, element.required("id")?);
    }
    element.text_into(fields, mdev::UUID, "uuid");
    element.text_into(fields, mdev::PARENT_ADDR, "parent_addr");
    if let Some(group) = element.child("iommuGroup") {
        fields.set_opt(mdev::IOMMU_GROUP, group.attribute_number("number")?);
    }
    let found: Vec<_> = element.children("attr").filter_map(attribute).collect();
    if !found.is_empty() {
        fields.set(attributes, found);
    }
    Ok(())
}

/// An attribute without a name or a value is none, as it is to libvirt.
fn attribute(element: Element<'_, '_>) -> Option<MdevAttribute> {
    Some(MdevAttribute {
        name: element.attribute("name")?.to_owned(),
        value: element.attribute("value")?.to_owned(),
    })
}
