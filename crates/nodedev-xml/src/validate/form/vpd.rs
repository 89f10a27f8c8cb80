//! Vital product data of PCI devices.

use super::super::shape::{
    Content, Element, Item, Mark, attribute, capability, holding, many, one, optional, text,
};
use super::super::value::{VPD_SYSTEM, VPD_TEXT, VPD_VENDOR};

pub(super) const VPD: Element = capability(
    &["vpd"],
    Content::Ordered(&[
        one(text("name", VPD_TEXT)),
        optional(fields(
            &["readonly"],
            &[
                optional(text("change_level", VPD_TEXT)),
                optional(text("manufacture_id", VPD_TEXT)),
                optional(text("part_number", VPD_TEXT)),
                optional(text("serial_number", VPD_TEXT)),
                many(VENDOR_FIELD),
            ],
        )),
        optional(fields(
            &["readwrite"],
            &[
                optional(text("asset_tag", VPD_TEXT)),
                many(VENDOR_FIELD),
                many(text("system_field", VPD_TEXT).with(&[attribute("index", VPD_SYSTEM)])),
            ],
        )),
    ]),
);

const VENDOR_FIELD: Element =
    text("vendor_field", VPD_TEXT).with(&[attribute("index", VPD_VENDOR)]);

const fn fields(access: &'static [&'static str], items: &'static [Item]) -> Element {
    holding("fields", Content::Ordered(items)).marked(Mark::Is("access", access))
}
