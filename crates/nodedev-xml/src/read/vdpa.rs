//! Virtio data-path acceleration.

use nodedev_types::{Fields, fields::vdpa};

use super::element::Element;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) {
    element.text_into(fields, vdpa::CHARDEV, "chardev");
}
