//! USB devices and interfaces.

use nodedev_types::Capability;
use nodedev_types::fields::{self, usb, usb_device};

use super::check_live;
use crate::device::kernel_device;

#[test]
fn usb_device_without_a_name_has_a_blank_before_the_slash() {
    let path = "/sys/devices/pci0000:00/0000:00:14.0/usb1";
    let hub = kernel_device("usb_usb1", Capability::UsbDevice, path)
        .below("pci_0000_00_14_0")
        .with(fields::device::DEVNODE, "/dev/bus/usb/001/010")
        .with(fields::device::DRIVER, "usb")
        .with(usb_device::BUS, 1_u64)
        .with(usb_device::DEVICE, 10_u64)
        .with(usb_device::PRODUCT_ID, 2_u64)
        .with(usb_device::VENDOR_ID, 0x1d6b_u64)
        .with(usb_device::VENDOR_NAME, "ACME <&> \"q\"");
    check_live("usb_device", hub);
}

#[test]
fn usb_device_with_empty_names_prints_them() {
    let path = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.4";
    let stick = kernel_device("usb_1_2_4", Capability::UsbDevice, path)
        .below("usb_1_2")
        .with(usb_device::BUS, 1_u64)
        .with(usb_device::DEVICE, 2_u64)
        .with(usb_device::PRODUCT_ID, 1_u64)
        .with(usb_device::PRODUCT_NAME, "")
        .with(usb_device::VENDOR_ID, 0xabcd_u64)
        .with(usb_device::VENDOR_NAME, "");
    check_live("usb_device-with-empty-names", stick);
}

#[test]
fn usb_interface_numbers_are_decimal() {
    let path = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-0:1.0";
    let interface = kernel_device("usb_1_0_1_0", Capability::Usb, path)
        .below("usb_usb1")
        .with(fields::device::DRIVER, "hub")
        .with(usb::NUMBER, 0_u64)
        .with(usb::CLASS, 0xff_u64)
        .with(usb::SUBCLASS, 6_u64)
        .with(usb::PROTOCOL, 0x50_u64);
    check_live("usb", interface);
}
