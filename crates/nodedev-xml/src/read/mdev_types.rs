//! Types of mediated devices that a parent can make.

use nodedev_types::{Capability, Fields, MdevType, fields::mdev_types};

use super::element::Element;
use crate::Error;

/// Reads the block, if it is there.
pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    let Some(block) = element.capability(Capability::MdevTypes.as_str()) else {
        return Ok(());
    };
    let types = block.children("type").map(read_type).collect::<Result<Vec<_>, _>>()?;
    if !types.is_empty() {
        fields.set(mdev_types::TYPES, types);
    }
    Ok(())
}

fn read_type(element: Element<'_, '_>) -> Result<MdevType, Error> {
    Ok(MdevType {
        id: element.required("id")?.to_owned(),
        name: element.child_text("name"),
        device_api: element.child_text("deviceAPI").ok_or_else(|| element.missing("deviceAPI"))?,
        available_instances: element.required_number("availableInstances")?,
    })
}
