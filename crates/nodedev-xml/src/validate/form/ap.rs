//! Cryptographic adapters of s390, their queues, and what these are passed on with.

use super::super::shape::{Content, Element, capability, one, optional, text};
use super::super::value::{AP_ADAPTER, AP_DOMAIN};
use super::mdev;

pub(super) const CARD: Element = capability(&["ap_card"], Content::Ordered(&[one(ADAPTER)]));

pub(super) const QUEUE: Element =
    capability(&["ap_queue"], Content::Ordered(&[one(ADAPTER), one(text("ap-domain", AP_DOMAIN))]));

pub(super) const MATRIX: Element =
    capability(&["ap_matrix"], Content::Ordered(&[optional(mdev::TYPES)]));

const ADAPTER: Element = text("ap-adapter", AP_ADAPTER);
