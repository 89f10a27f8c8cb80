//! Addresses of the channel subsystem, which ccw, css and ccwgroup devices have alike.

use nodedev_types::{Fields, Key};

use super::output::Output;

/// Channel subsystem, subchannel set and number.
pub(super) fn write(
    out: &mut Output<'_>,
    fields: &Fields,
    (cssid, ssid, devno): (Key<u64>, Key<u64>, Key<u64>),
) {
    out.hexadecimal("cssid", fields.get(cssid), 1);
    out.hexadecimal("ssid", fields.get(ssid), 1);
    out.hexadecimal("devno", fields.get(devno), 4);
}
