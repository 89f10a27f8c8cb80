//! Addresses of the channel subsystem, which ccw, css and ccwgroup devices have alike.

use nodedev_types::{Fields, Key};

use super::element::Element;
use crate::Error;

/// Channel subsystem, subchannel set and number, each if it is there.
pub(super) fn read(
    element: Element<'_, '_>,
    fields: &mut Fields,
    (cssid, ssid, devno): (Key<u64>, Key<u64>, Key<u64>),
) -> Result<(), Error> {
    element.hex_into(fields, cssid, "cssid")?;
    element.hex_into(fields, ssid, "ssid")?;
    element.hex_into(fields, devno, "devno")
}
