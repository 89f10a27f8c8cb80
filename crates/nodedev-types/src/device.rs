//! The merged device: what clients see.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::fields::{device, mdev_types};
use crate::{Capability, DeviceId, DeviceName, Fields};

/// A device as merged from everything that is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub name: DeviceName,
    /// Its identity.
    pub id: DeviceId,
    /// Name of its parent. Only `computer` has none.
    pub parent: Option<DeviceName>,
    /// Whether it exists in the kernel, or wherever its source looks.
    pub active: bool,
    /// Whether there is a definition of it.
    pub persistent: bool,
    /// Whether it starts together with its parent.
    pub autostart: bool,
    /// All that is known of it.
    pub fields: Fields,
}

impl Device {
    /// The main capability, if the device has one.
    #[must_use]
    pub fn capability(&self) -> Option<Capability> {
        self.fields.get(device::CAPABILITY)
    }

    /// All capabilities, the main one first, then those nested in it: what filters look at.
    #[must_use]
    pub fn capabilities(&self) -> Vec<Capability> {
        let mut all: Vec<_> = self.capability().into_iter().collect();
        let has_types = self.fields.get(mdev_types::TYPES).is_some_and(|types| !types.is_empty());
        if has_types && !all.contains(&Capability::MdevTypes) {
            all.push(Capability::MdevTypes);
        }
        all
    }
}
