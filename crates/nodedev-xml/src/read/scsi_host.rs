//! SCSI host adapters.

use nodedev_types::{Capability, Fields, fields::scsi_host};

use super::element::Element;
use crate::Error;
use crate::write::VPORT_OPS;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.signed_into(fields, scsi_host::HOST, "host")?;
    element.number_into(fields, scsi_host::UNIQUE_ID, "unique_id")?;
    if let Some(fc_host) = element.capability(Capability::FcHost.as_str()) {
        fc_host.text_into(fields, scsi_host::WWNN, "wwnn");
        fc_host.text_into(fields, scsi_host::WWPN, "wwpn");
        fc_host.text_into(fields, scsi_host::FABRIC_WWN, "fabric_wwn");
    }
    if let Some(vport_ops) = element.capability(VPORT_OPS) {
        vport_ops.signed_into(fields, scsi_host::MAX_VPORTS, "max_vports")?;
        vport_ops.signed_into(fields, scsi_host::VPORTS, "vports")?;
    }
    Ok(())
}
