//! SCSI host adapters.

use nodedev_types::{Capability, Fields, fields::scsi_host};

use super::output::Output;

/// The element of the nested capability that filters call `vports`.
pub(crate) const VPORT_OPS: &str = "vport_ops";

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.signed("host", fields.get(scsi_host::HOST));
    out.number("unique_id", fields.get(scsi_host::UNIQUE_ID));
    fc_host(out, fields);
    vport_ops(out, fields);
}

fn fc_host(out: &mut Output<'_>, fields: &Fields) {
    let names = [
        ("wwnn", fields.get(scsi_host::WWNN)),
        ("wwpn", fields.get(scsi_host::WWPN)),
        ("fabric_wwn", fields.get(scsi_host::FABRIC_WWN)),
    ];
    if names.iter().all(|(_, name)| name.is_none()) {
        return;
    }
    out.capability(Capability::FcHost.as_str(), |out| {
        for (tag, name) in names {
            out.text(tag, name);
        }
    });
}

fn vport_ops(out: &mut Output<'_>, fields: &Fields) {
    let (max, in_use) = (fields.get(scsi_host::MAX_VPORTS), fields.get(scsi_host::VPORTS));
    if max.is_none() && in_use.is_none() {
        return;
    }
    out.capability(VPORT_OPS, |out| {
        out.signed("max_vports", max);
        out.signed("vports", in_use);
    });
}
