//! SCSI generic devices.

use nodedev_types::{Fields, fields::scsi_generic};

use super::element::Element;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) {
    element.text_into(fields, scsi_generic::CHAR, "char");
}
