//! Network interfaces.

use super::super::shape::{
    Content, Element, attribute, capability, empty, many, one, optional, optional_attribute, text,
};
use super::super::value::{FEATURE, MAC, UINT, Value};

pub(super) const NET: Element = capability(
    &["net"],
    Content::Ordered(&[
        one(text("interface", Value::Any)),
        optional(text("address", MAC)),
        optional(empty(
            "link",
            &[optional_attribute("speed", UINT), optional_attribute("state", STATE)],
        )),
        many(empty("feature", &[attribute("name", FEATURE)])),
        many(capability(&["80203", "80211"], Content::Ordered(&[]))),
    ]),
);

/// The kernel's words for what a link is doing.
const STATE: Value =
    Value::Word(&["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"]);
