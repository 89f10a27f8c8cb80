//! Crypto cards, queues and the matrix of s390.

use nodedev_types::Fields;
use nodedev_types::fields::{ap_card, ap_queue};

use super::mdev_types;
use super::output::Output;

pub(super) fn card(out: &mut Output<'_>, fields: &Fields) {
    out.hexadecimal("ap-adapter", fields.get(ap_card::AP_ADAPTER), 2);
}

pub(super) fn queue(out: &mut Output<'_>, fields: &Fields) {
    out.hexadecimal("ap-adapter", fields.get(ap_queue::AP_ADAPTER), 2);
    out.hexadecimal("ap-domain", fields.get(ap_queue::AP_DOMAIN), 4);
}

/// Only what it can make.
pub(super) fn matrix(out: &mut Output<'_>, fields: &Fields) {
    mdev_types::write(out, fields);
}
