//! Subchannels of s390.

use nodedev_types::{Fields, fields::css};

use super::output::Output;
use super::{channel, mdev_types};

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    channel::write(out, fields, (css::CSSID, css::SSID, css::DEVNO));
    let behind = (css::CHANNEL_CSSID, css::CHANNEL_SSID, css::CHANNEL_DEVNO);
    let has = |key| fields.get(key).is_some();
    if has(behind.0) || has(behind.1) || has(behind.2) {
        out.element("channel_dev_addr").block(|out| channel::write(out, fields, behind));
    }
    mdev_types::write(out, fields);
}
