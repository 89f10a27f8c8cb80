//! SCSI host adapters.

use nodedev_types::{Fields, fields::scsi_host};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.signed("host", fields.get(scsi_host::HOST));
    out.number("unique_id", fields.get(scsi_host::UNIQUE_ID));
    // The place of fc_host, then of vport_ops.
}
