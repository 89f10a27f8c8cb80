//! Channel devices of s390.

use nodedev_types::{Capability, Fields, fields::ccw};

use super::channel;
use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("state", fields.get(ccw::STATE));
    channel::write(out, fields, (ccw::CSSID, ccw::SSID, ccw::DEVNO));
    if let Some(group) = fields.get(ccw::GROUP_DEVICE) {
        out.capability(Capability::CcwgroupMember.as_str(), |out| {
            out.text("group_device", Some(group));
        });
    }
}
