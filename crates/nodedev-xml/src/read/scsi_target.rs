//! SCSI targets.

use nodedev_types::{Fields, fields::scsi_target};

use super::element::Element;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) {
    element.text_into(fields, scsi_target::TARGET, "target");
    // The place of fc_remote_port.
}
