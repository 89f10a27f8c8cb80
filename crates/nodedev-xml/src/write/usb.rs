//! USB interfaces.

use nodedev_types::{Fields, fields::usb};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.signed("number", fields.get(usb::NUMBER));
    out.signed("class", fields.get(usb::CLASS));
    out.signed("subclass", fields.get(usb::SUBCLASS));
    out.signed("protocol", fields.get(usb::PROTOCOL));
}
