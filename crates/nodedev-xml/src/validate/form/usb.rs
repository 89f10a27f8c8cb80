//! USB devices and their interfaces.

use super::super::shape::{Content, Element, capability, one, optional, text};
use super::super::value::{ULONG, Value};
use super::NUMBERED;

pub(super) const DEVICE: Element = capability(
    &["usb_device"],
    Content::Ordered(&[
        one(text("bus", ULONG)),
        one(text("device", ULONG)),
        one(text("product", Value::Any).with(NUMBERED)),
        one(text("vendor", Value::Any).with(NUMBERED)),
    ]),
);

pub(super) const INTERFACE: Element = capability(
    &["usb"],
    Content::Ordered(&[
        one(text("number", ULONG)),
        one(text("class", ULONG)),
        one(text("subclass", ULONG)),
        one(text("protocol", ULONG)),
        optional(text("description", Value::Any)),
    ]),
);
