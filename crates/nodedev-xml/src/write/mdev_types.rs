//! Types of mediated devices that a parent can make.

use nodedev_types::{Capability, Fields, MdevType, fields::mdev_types};

use super::output::Output;

/// The block, or nothing where there is no type.
pub(super) fn write(out: &mut Output<'_>, fields: &Fields) {
    let types = fields.get(mdev_types::TYPES).unwrap_or_default();
    if types.is_empty() {
        return;
    }
    out.capability(Capability::MdevTypes.as_str(), |out| {
        for mdev_type in types {
            write_type(out, mdev_type);
        }
    });
}

fn write_type(out: &mut Output<'_>, mdev_type: &MdevType) {
    out.element("type").attribute("id", &mdev_type.id).block(|out| {
        out.text("name", mdev_type.name.as_deref());
        out.text("deviceAPI", Some(&mdev_type.device_api));
        out.number("availableInstances", Some(mdev_type.available_instances));
    });
}
