//! USB devices.

use nodedev_types::{Fields, fields::usb_device};

use super::identified::{self, NoName};
use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.signed("bus", fields.get(usb_device::BUS));
    out.signed("device", fields.get(usb_device::DEVICE));
    let product = (fields.get(usb_device::PRODUCT_ID), fields.get(usb_device::PRODUCT_NAME));
    identified::write(out, "product", product, NoName::Spaced);
    let vendor = (fields.get(usb_device::VENDOR_ID), fields.get(usb_device::VENDOR_NAME));
    identified::write(out, "vendor", vendor, NoName::Spaced);
}
