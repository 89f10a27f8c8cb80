//! The channel subsystem of s390: subchannels, their devices, and groups of those.

use super::super::shape::{
    Content, Element, Item, Of, attribute, capability, holding, one, optional, some, text,
};
use super::super::value::{CSS_ID, DEVICE_NUMBER, SUBCHANNEL_SET, Value};
use super::mdev;

pub(super) const CCW: Element = capability(
    &["ccw"],
    Content::Ordered(&[
        optional(STATE),
        Of::Mixed(ADDRESS).times(1, 1),
        optional(capability(
            &["ccwgroup_member"],
            Content::Ordered(&[one(text("group_device", Value::Any))]),
        )),
    ]),
);

pub(super) const CSS: Element = capability(
    &["css"],
    Content::Mixed(&[
        one(CSSID),
        one(SSID),
        one(DEVNO),
        optional(holding("channel_dev_addr", Content::Mixed(ADDRESS))),
        optional(mdev::TYPES),
    ]),
);

pub(super) const GROUP: Element = capability(
    &["ccwgroup"],
    Content::Ordered(&[
        optional(STATE),
        Of::Mixed(ADDRESS).times(1, 1),
        optional(holding("members", Content::Ordered(&[some(MEMBER)]))),
        one(capability(
            &["qeth_generic", "qeth_layer2", "qeth_layer3"],
            Content::Mixed(&[one(text("card_type", Value::Any)), one(text("chpid", Value::Any))]),
        )),
    ]),
);

const STATE: Element = text("state", Value::Word(&["online", "offline"]));
const MEMBER: Element = text("ccw_device", Value::Any).with(&[attribute("ref", Value::Any)]);

const ADDRESS: &[Item] = &[one(CSSID), one(SSID), one(DEVNO)];
const CSSID: Element = text("cssid", CSS_ID);
const SSID: Element = text("ssid", SUBCHANNEL_SET);
const DEVNO: Element = text("devno", DEVICE_NUMBER);
