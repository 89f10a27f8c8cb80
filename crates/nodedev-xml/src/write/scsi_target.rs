//! SCSI targets.

use nodedev_types::{Fields, fields::scsi_target};

use super::output::Output;

/// The element of a target behind a remote port. No filter knows it.
pub(crate) const FC_REMOTE_PORT: &str = "fc_remote_port";

/// Unlike libvirt, the names of the remote port are escaped.
pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("target", fields.get(scsi_target::TARGET));
    let (rport, wwpn) = (fields.get(scsi_target::RPORT), fields.get(scsi_target::WWPN));
    if rport.is_none() && wwpn.is_none() {
        return;
    }
    out.capability(FC_REMOTE_PORT, |out| {
        out.text("rport", rport);
        out.text("wwpn", wwpn);
    });
}
