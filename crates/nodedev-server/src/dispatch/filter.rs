//! The filter of `virConnectListAllNodeDevices`: a bit for each capability, four for the state.

use nodedev_types::{Capability, Device};

const PERSISTENT: u32 = 1 << 28;
const TRANSIENT: u32 = 1 << 29;
const INACTIVE: u32 = 1 << 30;
const ACTIVE: u32 = 1 << 31;

/// Bits that mean something.
pub(super) const KNOWN: u32 = PERSISTENT | TRANSIENT | INACTIVE | ACTIVE | 0x00ff_ffff;

/// Which devices are wanted. Bits of one group are alternatives; a group without bits lets all
/// through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter(pub(super) u32);

impl Filter {
    pub(super) fn lets_through(self, device: &Device) -> bool {
        self.group(ACTIVE, device.active, INACTIVE)
            && self.group(PERSISTENT, device.persistent, TRANSIENT)
            && self.capability(device)
    }

    /// One question with two answers.
    const fn group(self, yes: u32, is: bool, no: u32) -> bool {
        let wanted = self.0 & (yes | no);
        wanted == 0 || wanted & (if is { yes } else { no }) != 0
    }

    fn capability(self, device: &Device) -> bool {
        let wanted = self.0 & 0x00ff_ffff;
        wanted == 0 || device.capabilities().into_iter().any(|c| wanted & bit(c) != 0)
    }
}

/// Capabilities are numbered in libvirt's order.
fn bit(capability: Capability) -> u32 {
    let place = Capability::ALL.iter().position(|known| *known == capability);
    place.map_or(0, |place| 1 << place)
}

#[cfg(test)]
mod tests {
    use nodedev_types::{DeviceId, DeviceName, Fields, fields};

    use super::*;

    #[test]
    fn each_capability_has_the_bit_that_libvirt_gives_it() {
        let order = "system pci usb_device usb net scsi_host scsi_target scsi storage fc_host vports \
            scsi_generic drm mdev_types mdev ccw css vdpa ap_card ap_queue ap_matrix vpd ccwgroup \
            ccwgroup_member";
        for (place, name) in order.split_whitespace().enumerate() {
            assert_eq!(bit(name.parse().expect("it is one")), 1 << place, "{name}");
        }
        assert_eq!(Capability::ALL.len(), 24);
    }

    fn device(capability: Capability, active: bool, persistent: bool) -> Device {
        let mut fields = Fields::new();
        fields.set(fields::device::CAPABILITY, capability);
        let (name, id) = (DeviceName::new("x"), DeviceId::Computer);
        Device { name, id, parent: None, active, persistent, autostart: false, fields }
    }

    #[test]
    fn bits_of_a_group_are_alternatives_and_groups_add_up() {
        let running = device(Capability::Mdev, true, false);
        let defined = device(Capability::Mdev, false, true);
        let mdev = 1 << 14;
        for (flags, expected) in [
            (0, [true, true]),
            (ACTIVE, [true, false]),
            (INACTIVE, [false, true]),
            (ACTIVE | INACTIVE, [true, true]),
            (ACTIVE | PERSISTENT, [false, false]),
            (TRANSIENT, [true, false]),
            (mdev | 1, [true, true]),
            (1, [false, false]),
            (mdev | INACTIVE, [false, true]),
        ] {
            let seen = [&running, &defined].map(|device| Filter(flags).lets_through(device));
            assert_eq!(seen, expected, "{flags:x}");
        }
    }
}
