//! Parents, found in the whole set each time and never remembered.

use nodedev_types::fields::{device, mdev, mdev_types};
use nodedev_types::{Capability, DeviceId, Fields, SysfsPath};

/// What parents are looked up in: the set of all devices.
pub trait RelationIndex {
    /// The device with that canonical sysfs path; of several the smallest id.
    fn device_at(&self, path: &str) -> Option<DeviceId>;

    /// The device that definitions mean by that parent address ([`parent_address`]): of several
    /// with one address, the one that can make mediated devices wins ([`is_mdev_capable`]), then the
    /// smallest id.
    fn device_with_address(&self, address: &str) -> Option<DeviceId>;
}

/// The device above this one; `None` stands for the host itself.
///
/// For a device with a sysfs path, the nearest ancestor that is a device; for a mediated device
/// without a path, the device that its parent address means. A device in a third-party name space is
/// never above another: who is whose parent is not that source's to say.
///
/// No device is above itself, however many steps away, whatever the sources say: a path leads to a
/// shorter path, and only from a device without a path does an address lead to one that is no
/// mediated device.
pub fn parent_of(id: &DeviceId, fields: &Fields, index: &impl RelationIndex) -> Option<DeviceId> {
    parent_at(fields.get(device::PATH), awaited_address(id, fields), index)
}

/// The same for who remembers what of a device decides it: its path, and the address that it waits for.
pub fn parent_at(
    path: Option<&str>,
    awaited: Option<&str>,
    index: &impl RelationIndex,
) -> Option<DeviceId> {
    let Some(path) = path.filter(|path| SysfsPath::is_canonical(path)) else {
        return index.device_with_address(awaited?);
    };
    // Where there is another device too, the third-party one is not the smallest id.
    let device_at = |path| index.device_at(path).filter(|above| !is_foreign(above));
    SysfsPath::ancestors_of(path).find_map(device_at)
}

/// The path by which relations are found: none, where it is not canonical.
pub(crate) fn sysfs_path(fields: &Fields) -> Option<&str> {
    fields.get(device::PATH).filter(|path| SysfsPath::is_canonical(path))
}

const fn is_foreign(id: &DeviceId) -> bool {
    matches!(id, DeviceId::Foreign { .. })
}

/// Whether the device can make mediated devices.
#[must_use]
pub fn is_mdev_capable(fields: &Fields) -> bool {
    fields.get(device::CAPABILITY) == Some(Capability::MdevTypes)
        || fields.get(mdev_types::TYPES).is_some_and(|types| !types.is_empty())
}

/// What definitions call this device when it is their parent, if it can be one at all.
///
/// Never a mediated device, nor one in a third-party name space.
#[must_use]
pub fn parent_address<'a>(id: &DeviceId, fields: &'a Fields) -> Option<&'a str> {
    if is_foreign(id) || matches!(id, DeviceId::Mdev { .. }) {
        return None;
    }
    fields.get(device::ADDRESS)
}

/// The parent address that a mediated device waits for while it has no sysfs path.
#[must_use]
pub fn awaited_address<'a>(id: &'a DeviceId, fields: &'a Fields) -> Option<&'a str> {
    match id {
        DeviceId::Mdev { parent, .. } if sysfs_path(fields).is_none() => {
            Some(fields.get(mdev::PARENT_ADDR).unwrap_or(parent))
        }
        _ => None,
    }
}
