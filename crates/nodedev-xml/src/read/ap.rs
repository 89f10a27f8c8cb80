//! Crypto cards, queues and the matrix of s390.

use nodedev_types::Fields;
use nodedev_types::fields::{ap_card, ap_queue};

use super::element::Element;
use super::mdev_types;
use crate::Error;

pub(super) fn card(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.hex_into(fields, ap_card::AP_ADAPTER, "ap-adapter")
}

pub(super) fn queue(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.hex_into(fields, ap_queue::AP_ADAPTER, "ap-adapter")?;
    element.hex_into(fields, ap_queue::AP_DOMAIN, "ap-domain")
}

/// Only what it can make.
pub(super) fn matrix(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    mdev_types::read(element, fields)
}
