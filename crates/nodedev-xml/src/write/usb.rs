//! USB interfaces.

use nodedev_types::{Fields, fields::usb};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.number("number", fields.get(usb::NUMBER));
    out.number("class", fields.get(usb::CLASS));
    out.number("subclass", fields.get(usb::SUBCLASS));
    out.number("protocol", fields.get(usb::PROTOCOL));
}
