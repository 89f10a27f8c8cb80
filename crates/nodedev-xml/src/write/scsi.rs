//! SCSI logical units.

use nodedev_types::{Fields, fields::scsi};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.signed("host", fields.get(scsi::HOST));
    out.signed("bus", fields.get(scsi::BUS));
    out.signed("target", fields.get(scsi::TARGET));
    out.signed("lun", fields.get(scsi::LUN));
    out.text("type", fields.get(scsi::TYPE));
}
