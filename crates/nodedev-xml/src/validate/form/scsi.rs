//! SCSI: hosts, targets, devices, and the character devices of those.

use super::super::shape::{Content, Element, Of, capability, one, optional, text};
use super::super::value::{UINT, ULONG, Value, WWN};

pub(super) const HOST: Element = capability(
    &["scsi_host"],
    Content::Ordered(&[
        one(text("host", ULONG)),
        optional(text("unique_id", UINT)),
        Of::Any(&[FC_HOST, VPORT_OPS]).times(0, usize::MAX),
    ]),
);

const FC_HOST: Element = capability(
    &["fc_host"],
    Content::Ordered(&[
        one(text("wwnn", WWN)),
        one(text("wwpn", WWN)),
        optional(text("fabric_wwn", WWN)),
    ]),
);

const VPORT_OPS: Element = capability(
    &["vport_ops"],
    Content::Ordered(&[one(text("max_vports", UINT)), one(text("vports", UINT))]),
);

pub(super) const TARGET: Element = capability(
    &["scsi_target"],
    Content::Ordered(&[
        one(text("target", Value::Any)),
        optional(capability(
            &["fc_remote_port"],
            Content::Ordered(&[one(text("rport", Value::Any)), one(text("wwpn", WWN))]),
        )),
    ]),
);

pub(super) const DEVICE: Element = capability(
    &["scsi"],
    Content::Ordered(&[
        one(text("host", ULONG)),
        one(text("bus", ULONG)),
        one(text("target", ULONG)),
        one(text("lun", ULONG)),
        optional(text("type", Value::Any)),
    ]),
);

pub(super) const GENERIC: Element =
    capability(&["scsi_generic"], Content::Ordered(&[one(text("char", Value::Any))]));
