//! SCSI host adapters.

use nodedev_types::{Fields, fields::scsi_host};

use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.signed_into(fields, scsi_host::HOST, "host")?;
    element.number_into(fields, scsi_host::UNIQUE_ID, "unique_id")
    // The place of fc_host and vport_ops.
}
