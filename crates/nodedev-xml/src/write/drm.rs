//! Direct-rendering minors.

use nodedev_types::{Fields, fields::drm};

use super::output::Output;

pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    out.text("type", fields.get(drm::TYPE));
}
