//! SCSI targets.

use nodedev_types::{Fields, fields::scsi_target};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("target", fields.get(scsi_target::TARGET));
    // The place of fc_remote_port.
}
