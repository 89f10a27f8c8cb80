//! USB devices.

use nodedev_types::{Fields, fields::usb_device};

use super::element::Element;
use super::identified;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.signed_into(fields, usb_device::BUS, "bus")?;
    element.signed_into(fields, usb_device::DEVICE, "device")?;
    let product = (usb_device::PRODUCT_ID, usb_device::PRODUCT_NAME);
    identified::read(element, fields, "product", product)?;
    let vendor = (usb_device::VENDOR_ID, usb_device::VENDOR_NAME);
    identified::read(element, fields, "vendor", vendor)
}
