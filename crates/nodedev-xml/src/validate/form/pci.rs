//! PCI devices.

use super::super::shape::{
    Attribute, Content, Element, attribute, capability, empty, holding, many, one, optional,
    optional_attribute, some, text,
};
use super::super::value::{INT, LOWER_HEX, PCI_CLASS, SPEED, UINT, ULONG, Value};
use super::{NUMBERED, mdev, vpd};

pub(super) const PCI: Element = capability(
    &["pci"],
    Content::Ordered(&[
        optional(text("class", PCI_CLASS)),
        one(text("domain", ULONG)),
        one(text("bus", ULONG)),
        one(text("slot", ULONG)),
        one(text("function", ULONG)),
        one(text("product", Value::Any).with(NUMBERED)),
        one(text("vendor", Value::Any).with(NUMBERED)),
        optional(capability(&["phys_function"], Content::Ordered(&[optional(ADDRESS)]))),
        optional(
            capability(&["virt_functions"], Content::Ordered(&[many(ADDRESS)]))
                .with(&[optional_attribute("maxCount", UINT)]),
        ),
        optional(capability(&["pci-bridge", "cardbus-bridge"], Content::Ordered(&[]))),
        optional(mdev::TYPES),
        optional(vpd::VPD),
        optional(
            holding("iommuGroup", Content::Ordered(&[some(ADDRESS)]))
                .with(&[attribute("number", UINT)]),
        ),
        optional(empty("numa", &[optional_attribute("node", INT)])),
        optional(holding("pci-express", Content::Ordered(&[many(empty("link", LINK))]))),
    ]),
);

const ADDRESS: Element = empty(
    "address",
    &[
        attribute("domain", LOWER_HEX),
        attribute("bus", LOWER_HEX),
        attribute("slot", LOWER_HEX),
        attribute("function", LOWER_HEX),
    ],
);

const LINK: &[Attribute] = &[
    attribute("validity", Value::Word(&["cap", "sta"])),
    optional_attribute("port", UINT),
    optional_attribute("speed", SPEED),
    attribute("width", UINT),
];
