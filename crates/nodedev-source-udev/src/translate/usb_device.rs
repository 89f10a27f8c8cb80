//! `usb_device`: USB devices.

use nodedev_types::fields::usb_device;

use crate::reading::{Base, Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    let bus = reading.property_unsigned("BUSNUM", Base::Decimal)?;
    let device = reading.property_unsigned("DEVNUM", Base::Decimal)?;
    let vendor = reading.property_unsigned("ID_VENDOR_ID", Base::Hexadecimal)?;
    let product = reading.property_unsigned("ID_MODEL_ID", Base::Hexadecimal)?;
    let vendor_name = name(reading, "ID_VENDOR_FROM_DATABASE", "manufacturer")?;
    let product_name = name(reading, "ID_MODEL_FROM_DATABASE", "product")?;
    let fields = &mut reading.fields;
    fields.set(usb_device::BUS, u64::from(bus));
    fields.set(usb_device::DEVICE, u64::from(device));
    fields.set(usb_device::PRODUCT_ID, u64::from(product));
    fields.set_opt(usb_device::PRODUCT_NAME, product_name);
    fields.set(usb_device::VENDOR_ID, u64::from(vendor));
    fields.set_opt(usb_device::VENDOR_NAME, vendor_name);
    Ok(())
}

/// The database's name, even an empty one, before the device's own.
fn name(
    reading: &mut Reading<'_>,
    property: &str,
    attribute: &str,
) -> Result<Option<String>, Refusal> {
    match reading.property(property) {
        Some(name) => Ok(Some(name)),
        None => reading.text(attribute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    fn hub() -> Scratch {
        Scratch::new("/sys/devices/pci0000:00/0000:00:14.0/usb1")
            .devtype("usb_device")
            .property("BUSNUM", "001")
            .property("DEVNUM", "010")
            .property("ID_VENDOR_ID", "1d6b")
            .property("ID_MODEL_ID", "0002")
    }

    #[test]
    fn numbers_lose_their_leading_zeros_and_names_fall_back_to_attributes() {
        let fields = read(&hub().attribute("manufacturer", "ACME <&> \"q\"\n")).unwrap();
        assert_eq!(fields.get(usb_device::BUS), Some(1));
        assert_eq!(fields.get(usb_device::DEVICE), Some(10));
        assert_eq!(fields.get(usb_device::VENDOR_ID), Some(0x1d6b));
        assert_eq!(fields.get(usb_device::VENDOR_NAME), Some("ACME <&> \"q\""));
        assert_eq!(fields.get(usb_device::PRODUCT_NAME), None);
    }

    #[test]
    fn an_empty_name_in_the_database_is_a_name() {
        let hub = hub().property("ID_MODEL_FROM_DATABASE", "").attribute("product", "hub\n");
        assert_eq!(read(&hub).unwrap().get(usb_device::PRODUCT_NAME), Some(""));
    }

    #[test]
    fn missing_or_garbled_numbers_cost_the_device() {
        assert!(unreadable(&hub().property("BUSNUM", "one")).contains("BUSNUM"));
        let bare = Scratch::new("/sys/devices/usb1").devtype("usb_device");
        assert!(unreadable(&bare).contains("property is missing"));
    }
}
