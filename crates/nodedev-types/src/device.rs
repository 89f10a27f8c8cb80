//! The merged device: what clients see.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::fields::{device, mdev_types, pci};
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
        if self.fields.get(pci::VPD).is_some() {
            all.push(Capability::Vpd);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{MdevType, PciVpd};

    #[test]
    fn nested_capabilities_follow_the_main_one() {
        let mut fields = Fields::new();
        fields.set(device::CAPABILITY, Capability::Pci);
        fields.set(mdev_types::TYPES, vec![]);
        let mut device = Device {
            name: DeviceName::new("pci_0000_00_02_0"),
            id: DeviceId::Computer,
            parent: None,
            active: true,
            persistent: false,
            autostart: false,
            fields,
        };
        assert_eq!(device.capabilities(), [Capability::Pci]);
        let mdev_type = MdevType {
            id: "a".into(),
            name: None,
            device_api: "vfio-pci".into(),
            available_instances: 0,
        };
        device.fields.set(mdev_types::TYPES, vec![mdev_type]);
        device.fields.set(pci::VPD, PciVpd::default());
        let all = [Capability::Pci, Capability::MdevTypes, Capability::Vpd];
        assert_eq!(device.capabilities(), all);
    }
}
