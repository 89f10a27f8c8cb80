//! Direct-rendering minors.

use nodedev_types::{Fields, fields::drm};

use super::element::Element;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) {
    element.text_into(fields, drm::TYPE, "type");
}
