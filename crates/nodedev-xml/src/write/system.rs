//! The host itself.

use nodedev_types::{Fields, fields::system};

use super::output::Output;

/// What libvirt prints where the host has no uuid.
const NO_UUID: &str = "00000000-0000-0000-0000-000000000000";

/// Hardware, its uuid and firmware are always printed, even when nothing is known of them.
pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("product", fields.get(system::PRODUCT));
    out.element("hardware").block(|out| {
        out.text("vendor", fields.get(system::HARDWARE_VENDOR));
        out.text("version", fields.get(system::HARDWARE_VERSION));
        out.text("serial", fields.get(system::HARDWARE_SERIAL));
        let uuid = fields.get(system::HARDWARE_UUID).unwrap_or(NO_UUID);
        out.text("uuid", Some(uuid));
    });
    out.element("firmware").block(|out| {
        out.text("vendor", fields.get(system::FIRMWARE_VENDOR));
        out.text("version", fields.get(system::FIRMWARE_VERSION));
        out.text("release_date", fields.get(system::FIRMWARE_RELEASE_DATE));
    });
}
