//! Disks and drives.

use super::super::shape::{Content, Element, Item, Of, capability, one, optional, text};
use super::super::value::{NODE_PATH, ULONG, Value};

pub(super) const STORAGE: Element = capability(
    &["storage"],
    Content::Ordered(&[
        one(text("block", NODE_PATH)),
        optional(text("bus", Value::Any)),
        optional(text("drive_type", Value::Any)),
        optional(text("model", Value::Any)),
        optional(text("vendor", Value::Any)),
        optional(text("serial", Value::Any)),
        Of::Rows(&[&[one(REMOVABLE)], &[one(text("size", ULONG)), BLOCKS]]).times(1, 1),
        optional(capability(&["hotpluggable"], Content::Ordered(&[]))),
    ]),
);

const REMOVABLE: Element = capability(
    &["removable"],
    Content::Ordered(&[
        one(text("media_available", Value::Word(&["1", "0"]))),
        one(text("media_size", ULONG)),
        optional(text("media_label", Value::Any)),
        BLOCKS,
    ]),
);

/// How large a block is and how many there are: both or none.
const BLOCKS: Item =
    Of::Rows(&[&[one(text("logical_block_size", ULONG)), one(text("num_blocks", ULONG))]])
        .times(0, 1);
