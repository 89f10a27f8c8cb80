//! The host itself.

use super::super::shape::{Content, Element, capability, holding, one, optional, text};
use super::super::value::{UUID, Value};

pub(super) const SYSTEM: Element = capability(
    &["system"],
    Content::Ordered(&[
        optional(text("product", Value::Any)),
        one(holding(
            "hardware",
            Content::Ordered(&[
                optional(text("vendor", Value::Any)),
                optional(text("version", Value::Any)),
                optional(text("serial", Value::Any)),
                one(text("uuid", UUID)),
            ]),
        )),
        one(holding(
            "firmware",
            Content::Ordered(&[
                optional(text("vendor", Value::Any)),
                optional(text("version", Value::Any)),
                optional(text("release_date", Value::Any)),
            ]),
        )),
    ]),
);
