//! USB interfaces.

use nodedev_types::{Fields, fields::usb};

use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.signed_into(fields, usb::NUMBER, "number")?;
    element.signed_into(fields, usb::CLASS, "class")?;
    element.signed_into(fields, usb::SUBCLASS, "subclass")?;
    element.signed_into(fields, usb::PROTOCOL, "protocol")
}
