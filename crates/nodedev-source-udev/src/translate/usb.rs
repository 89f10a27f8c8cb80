//! `usb`: USB interfaces.

use nodedev_types::fields::usb;

use crate::reading::{Base, Reading, Refusal};

pub(super) fn translate(reading: &mut Reading<'_>) -> Result<(), Refusal> {
    for (key, attribute) in [
        (usb::NUMBER, "bInterfaceNumber"),
        (usb::CLASS, "bInterfaceClass"),
        (usb::SUBCLASS, "bInterfaceSubClass"),
        (usb::PROTOCOL, "bInterfaceProtocol"),
    ] {
        let value = reading.unsigned(attribute, Base::Hexadecimal)?.unwrap_or(0);
        reading.fields.set(key, u64::from(value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::translate::tests::{read, unreadable};

    #[test]
    fn attributes_are_hexadecimal_and_zero_where_they_are_missing() {
        let interface = Scratch::new("/sys/devices/usb1/1-0:1.0")
            .devtype("usb_interface")
            .attribute("bInterfaceClass", "0e\n")
            .attribute("bInterfaceNumber", "10\n");
        let fields = read(&interface).unwrap();
        assert_eq!(fields.get(usb::CLASS), Some(14));
        assert_eq!(fields.get(usb::NUMBER), Some(16));
        assert_eq!(fields.get(usb::PROTOCOL), Some(0));
        let garbled = interface.attribute("bInterfaceProtocol", "yes\n");
        assert!(unreadable(&garbled).contains("`yes`"));
    }
}
