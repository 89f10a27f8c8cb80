//! Parents, found in the whole set each time and never remembered.

use nodedev_types::fields::{device, mdev, mdev_types};
use nodedev_types::{Capability, DeviceId, Fields, SysfsPath};

/// What parents are looked up in: the set of all devices.
pub trait RelationIndex {
    /// The device with that canonical sysfs path.
    fn device_at(&self, path: &str) -> Option<DeviceId>;

    /// The device that definitions mean by that parent address: of several with one address, the one
    /// that can make mediated devices wins ([`is_mdev_capable`]), then the smallest id.
    fn device_with_address(&self, address: &str) -> Option<DeviceId>;
}

/// The device above this one; `None` stands for the host itself.
///
/// The nearest sysfs ancestor that is a device; for a mediated device without one, the device that
/// its parent address means.
pub fn parent_of(id: &DeviceId, fields: &Fields, index: &impl RelationIndex) -> Option<DeviceId> {
    let path = fields
        .get(device::PATH)
        .and_then(|path| SysfsPath::new(path).ok());
    let above = path.and_then(|path| path.ancestors().find_map(|above| index.device_at(above)));
    above.or_else(|| {
        let DeviceId::Mdev { parent, .. } = id else {
            return None;
        };
        let address = fields.get(mdev::PARENT_ADDR).unwrap_or(parent);
        index.device_with_address(address)
    })
}

/// Whether the device can make mediated devices.
#[must_use]
pub fn is_mdev_capable(fields: &Fields) -> bool {
    fields.get(device::CAPABILITY) == Some(Capability::MdevTypes)
        || fields
            .get(mdev_types::TYPES)
            .is_some_and(|types| !types.is_empty())
}
