//! Subchannels of s390.

use nodedev_types::{Fields, fields::css};

use super::element::Element;
use super::{channel, mdev_types};
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    channel::read(element, fields, (css::CSSID, css::SSID, css::DEVNO))?;
    if let Some(behind) = element.child("channel_dev_addr") {
        let keys = (css::CHANNEL_CSSID, css::CHANNEL_SSID, css::CHANNEL_DEVNO);
        channel::read(behind, fields, keys)?;
    }
    mdev_types::read(element, fields)
}
