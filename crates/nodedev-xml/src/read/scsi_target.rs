//! SCSI targets.

use nodedev_types::{Fields, fields::scsi_target};

use super::element::Element;
use crate::write::FC_REMOTE_PORT;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) {
    element.text_into(fields, scsi_target::TARGET, "target");
    if let Some(port) = element.capability(FC_REMOTE_PORT) {
        port.text_into(fields, scsi_target::RPORT, "rport");
        port.text_into(fields, scsi_target::WWPN, "wwpn");
    }
}
