//! Groups of channel devices of s390.

use nodedev_types::{Fields, fields::ccwgroup};

use super::channel;
use super::output::Output;

/// Unlike libvirt, what is known of the network card is escaped, and left out where it is not known.
pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("state", fields.get(ccwgroup::STATE));
    channel::write(out, fields, (ccwgroup::CSSID, ccwgroup::SSID, ccwgroup::DEVNO));
    members(out, fields);
    if let Some(kind) = fields.get(ccwgroup::TYPE) {
        out.capability(kind, |out| {
            out.text("card_type", fields.get(ccwgroup::CARD_TYPE));
            out.text("chpid", fields.get(ccwgroup::CHPID));
        });
    }
}

fn members(out: &mut Output<'_>, fields: &Fields) {
    let members = fields.get(ccwgroup::MEMBERS).unwrap_or_default();
    if members.is_empty() {
        return;
    }
    out.element("members").block(|out| {
        for member in members {
            let element = out.element("ccw_device").attribute("ref", &member.reference);
            element.text(member.device.as_str());
        }
    });
}
