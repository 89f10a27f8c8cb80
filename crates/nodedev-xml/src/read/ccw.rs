//! Channel devices of s390.

use nodedev_types::{Capability, Fields, fields::ccw};

use super::channel;
use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.text_into(fields, ccw::STATE, "state");
    channel::read(element, fields, (ccw::CSSID, ccw::SSID, ccw::DEVNO))?;
    if let Some(member) = element.capability(Capability::CcwgroupMember.as_str()) {
        member.text_into(fields, ccw::GROUP_DEVICE, "group_device");
    }
    Ok(())
}
