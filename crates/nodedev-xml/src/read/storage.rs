//! Block devices.

use nodedev_types::{Fields, fields::storage};

use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.text_into(fields, storage::BLOCK, "block");
    element.text_into(fields, storage::BUS, "bus");
    element.text_into(fields, storage::DRIVE_TYPE, "drive_type");
    element.text_into(fields, storage::MODEL, "model");
    element.text_into(fields, storage::VENDOR, "vendor");
    element.text_into(fields, storage::SERIAL, "serial");
    if let Some(removable) = element.capability("removable") {
        return medium(removable, fields);
    }
    element.number_into(fields, storage::SIZE, "size")?;
    blocks(element, fields)
}

fn medium(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    fields.set(storage::REMOVABLE, true);
    if let Some(available) = element.child("media_available") {
        fields.set(storage::MEDIA_AVAILABLE, flag(available)?);
    }
    element.number_into(fields, storage::MEDIA_SIZE, "media_size")?;
    element.text_into(fields, storage::MEDIA_LABEL, "media_label");
    blocks(element, fields)
}

fn flag(element: Element<'_, '_>) -> Result<bool, Error> {
    match element.text().as_str() {
        "0" => Ok(false),
        "1" => Ok(true),
        other => Err(element.invalid_text(other, "`0` or `1`")),
    }
}

fn blocks(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.number_into(fields, storage::LOGICAL_BLOCK_SIZE, "logical_block_size")?;
    element.number_into(fields, storage::NUM_BLOCKS, "num_blocks")
}
