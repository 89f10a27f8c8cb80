//! Virtio data-path acceleration.

use nodedev_types::{Fields, fields::vdpa};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("chardev", fields.get(vdpa::CHARDEV));
}
