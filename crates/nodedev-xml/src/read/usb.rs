//! USB interfaces.

use nodedev_types::{Fields, fields::usb};

use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.number_into(fields, usb::NUMBER, "number")?;
    element.number_into(fields, usb::CLASS, "class")?;
    element.number_into(fields, usb::SUBCLASS, "subclass")?;
    element.number_into(fields, usb::PROTOCOL, "protocol")
}
