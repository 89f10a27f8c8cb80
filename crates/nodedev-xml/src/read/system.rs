//! The host itself.

use nodedev_types::{Fields, fields::system};

use super::element::Element;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) {
    element.text_into(fields, system::PRODUCT, "product");
    if let Some(hardware) = element.child("hardware") {
        hardware.text_into(fields, system::HARDWARE_VENDOR, "vendor");
        hardware.text_into(fields, system::HARDWARE_VERSION, "version");
        hardware.text_into(fields, system::HARDWARE_SERIAL, "serial");
        hardware.text_into(fields, system::HARDWARE_UUID, "uuid");
    }
    if let Some(firmware) = element.child("firmware") {
        firmware.text_into(fields, system::FIRMWARE_VENDOR, "vendor");
        firmware.text_into(fields, system::FIRMWARE_VERSION, "version");
        firmware.text_into(fields, system::FIRMWARE_RELEASE_DATE, "release_date");
    }
}
