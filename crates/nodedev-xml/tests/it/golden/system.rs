//! The host.

use nodedev_types::fields::{self, system};
use nodedev_types::{Capability, DeviceId};
use nodedev_xml::Form;

use super::{check, check_live};
use crate::device::{Composer, device};

fn computer() -> Composer {
    device("computer", DeviceId::Computer)
        .without_parent()
        .with(fields::device::CAPABILITY, Capability::System)
}

#[test]
fn system_with_everything() {
    let computer = computer()
        .with(system::PRODUCT, "Standard PC (Q35 + ICH9, 2009)")
        .with(system::HARDWARE_VENDOR, "QEMU")
        .with(system::HARDWARE_VERSION, "pc-q35-7.2")
        .with(system::HARDWARE_SERIAL, "S/N 1")
        .with(system::HARDWARE_UUID, "38d89b08-2154-480b-9e74-50d086d60cd0")
        .with(system::FIRMWARE_VENDOR, "SeaBIOS")
        .with(system::FIRMWARE_VERSION, "1.16.2-debian-1.16.2-1")
        .with(system::FIRMWARE_RELEASE_DATE, "04/01/2014");
    check_live("system", computer);
}

#[test]
fn system_prints_empty_blocks_and_a_zero_uuid() {
    check_live("system-without-dmi", computer());
}

#[test]
fn the_computer_has_the_same_inactive_form() {
    check("system-without-dmi", &computer().build(), Form::Inactive);
}
