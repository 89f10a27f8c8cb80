//! Block devices.

use nodedev_types::{Fields, fields::storage};

use super::output::Output;

/// The size is always printed: as the medium's where that can be taken out, else as the device's.
pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("block", fields.get(storage::BLOCK));
    out.text("bus", fields.get(storage::BUS));
    out.text("drive_type", fields.get(storage::DRIVE_TYPE));
    out.text("model", fields.get(storage::MODEL));
    out.text("vendor", fields.get(storage::VENDOR));
    out.text("serial", fields.get(storage::SERIAL));
    if fields.get(storage::REMOVABLE) == Some(true) {
        out.capability("removable", |out| medium(out, fields));
    } else {
        out.number("size", Some(fields.get(storage::SIZE).unwrap_or(0)));
        blocks(out, fields);
    }
}

fn medium(out: &mut Output<'_>, fields: &Fields) {
    let available = fields.get(storage::MEDIA_AVAILABLE).unwrap_or(false);
    out.number("media_available", Some(available.into()));
    let size = fields.get(storage::MEDIA_SIZE).unwrap_or(0);
    out.number("media_size", Some(size));
    out.text("media_label", fields.get(storage::MEDIA_LABEL));
    blocks(out, fields);
}

/// Both lines or none: a number that is 0 is printed if the other is not.
fn blocks(out: &mut Output<'_>, fields: &Fields) {
    let size = fields.get(storage::LOGICAL_BLOCK_SIZE).unwrap_or(0);
    let count = fields.get(storage::NUM_BLOCKS).unwrap_or(0);
    if size != 0 || count != 0 {
        out.number("logical_block_size", Some(size));
        out.number("num_blocks", Some(count));
    }
}
