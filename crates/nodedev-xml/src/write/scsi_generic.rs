//! SCSI generic devices.

use nodedev_types::{Fields, fields::scsi_generic};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("char", fields.get(scsi_generic::CHAR));
}
