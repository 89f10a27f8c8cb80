//! The merged device: what clients see.

use alloc::vec::Vec;

use crate::fields::{ccw, device, mdev_types, pci, scsi_host};
use crate::{Capability, DeviceId, DeviceName, Fields, Key};

/// A device as merged from everything that is said of it.
///
/// As JSON it is one object: `docs/json.md` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let nested = [
            (Capability::FcHost, self.has(scsi_host::WWNN) || self.has(scsi_host::WWPN)),
            (Capability::Vports, self.has(scsi_host::MAX_VPORTS) || self.has(scsi_host::VPORTS)),
            (Capability::MdevTypes, self.has_mdev_types()),
            (Capability::CcwgroupMember, self.has(ccw::GROUP_DEVICE)),
        ];
        for (capability, is_there) in nested {
            if is_there && !all.contains(&capability) {
                all.push(capability);
            }
        }
        if self.fields.get(pci::VPD).is_some() {
            all.push(Capability::Vpd);
        }
        all
    }

    fn has<T>(&self, key: Key<T>) -> bool {
        self.fields.known(key.field()).is_some()
    }

    fn has_mdev_types(&self) -> bool {
        self.fields.get(mdev_types::TYPES).is_some_and(|types| !types.is_empty())
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

    fn device(set: impl FnOnce(&mut Fields)) -> Device {
        let mut fields = Fields::new();
        set(&mut fields);
        Device {
            name: DeviceName::new("x"),
            id: DeviceId::Computer,
            parent: None,
            active: true,
            persistent: false,
            autostart: false,
            fields,
        }
    }

    #[test]
    fn nested_capabilities_are_there_while_their_fields_are() {
        let host = device(|fields| fields.set(device::CAPABILITY, Capability::ScsiHost));
        assert_eq!(host.capabilities(), [Capability::ScsiHost]);
        let fc = device(|fields| {
            fields.set(device::CAPABILITY, Capability::ScsiHost);
            fields.set(scsi_host::WWNN, "2000");
            fields.set(scsi_host::WWPN, "1000");
        });
        assert_eq!(fc.capabilities(), [Capability::ScsiHost, Capability::FcHost]);
        let vports = device(|fields| {
            fields.set(device::CAPABILITY, Capability::ScsiHost);
            fields.set(scsi_host::WWPN, "1000");
            fields.set(scsi_host::MAX_VPORTS, 0_u64);
        });
        let expected = [Capability::ScsiHost, Capability::FcHost, Capability::Vports];
        assert_eq!(vports.capabilities(), expected);
        let member = device(|fields| {
            fields.set(device::CAPABILITY, Capability::Ccw);
            fields.set(ccw::GROUP_DEVICE, "ccwgroup_0_0_bd00");
        });
        assert_eq!(member.capabilities(), [Capability::Ccw, Capability::CcwgroupMember]);
    }
}
