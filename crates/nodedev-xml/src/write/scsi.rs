//! SCSI logical units.

use nodedev_types::{Fields, fields::scsi};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.number("host", fields.get(scsi::HOST));
    out.number("bus", fields.get(scsi::BUS));
    out.number("target", fields.get(scsi::TARGET));
    out.number("lun", fields.get(scsi::LUN));
    out.text("type", fields.get(scsi::TYPE));
}
