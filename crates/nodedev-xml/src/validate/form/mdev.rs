//! Mediated devices, and the types of those that can be made below a parent.

use super::super::shape::{
    Content, Element, attribute, capability, empty, holding, many, one, optional, some, text,
};
use super::super::value::{UINT, UUID, Value};

pub(super) const MDEV: Element = capability(
    &["mdev"],
    Content::Mixed(&[
        one(empty("type", &[attribute("id", Value::Any)])),
        optional(empty("iommuGroup", &[attribute("number", UINT)])),
        optional(text("uuid", UUID)),
        optional(text("parent_addr", Value::Any)),
        many(empty("attr", &[attribute("name", Value::Any), attribute("value", Value::Any)])),
    ]),
);

pub(super) const TYPES: Element = capability(&["mdev_types"], Content::Ordered(&[some(TYPE)]));

const TYPE: Element = holding(
    "type",
    Content::Ordered(&[
        optional(text("name", Value::Any)),
        one(text("deviceAPI", Value::Word(&["vfio-pci", "vfio-ccw", "vfio-ap"]))),
        one(text("availableInstances", UINT)),
    ]),
)
.with(&[attribute("id", Value::Any)]);
