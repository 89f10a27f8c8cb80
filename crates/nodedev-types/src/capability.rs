//! The capability names of libvirt's node-device documents and filters.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! capabilities {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $nested:literal; )*) => {
        /// A capability of a node device, by libvirt's name.
        ///
        /// Most are the one main capability of a device ([`Self::is_nested`] is false); the nested
        /// ones only ever appear inside another and serve as filters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Capability {
            $( $(#[$doc])* $variant, )*
        }

        impl Capability {
            /// Every capability, in libvirt's order.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// libvirt's name, as in `virsh nodedev-list --cap NAME`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// Whether it only appears inside another capability.
            ///
            /// `mdev_types` is both: nested in pci, css and ap_matrix, and the main capability of
            /// parents that are none of these.
            #[must_use]
            pub const fn is_nested(self) -> bool {
                match self { $( Self::$variant => $nested, )* }
            }
        }

        impl FromStr for Capability {
            type Err = UnknownCapability;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $name => Ok(Self::$variant), )*
                    _ => Err(UnknownCapability),
                }
            }
        }
    };
}

capabilities! {
    /// The host itself: `computer`.
    System = "system", false;
    /// A PCI function.
    Pci = "pci", false;
    /// A USB device.
    UsbDevice = "usb_device", false;
    /// A USB interface.
    Usb = "usb", false;
    /// A network interface.
    Net = "net", false;
    /// A SCSI host adapter.
    ScsiHost = "scsi_host", false;
    /// A SCSI target.
    ScsiTarget = "scsi_target", false;
    /// A SCSI logical unit.
    Scsi = "scsi", false;
    /// A block device that is a whole disk, cdrom, floppy or sd card.
    Storage = "storage", false;
    /// A Fibre Channel host (inside `scsi_host`).
    FcHost = "fc_host", true;
    /// An adapter that can make virtual ports (inside `scsi_host`; its element is `vport_ops`).
    Vports = "vports", true;
    /// A SCSI generic character device.
    ScsiGeneric = "scsi_generic", false;
    /// A direct-rendering-manager minor.
    Drm = "drm", false;
    /// A parent of mediated devices.
    MdevTypes = "mdev_types", false;
    /// A mediated device.
    Mdev = "mdev", false;
    /// An s390 channel device.
    Ccw = "ccw", false;
    /// An s390 subchannel.
    Css = "css", false;
    /// A virtio data-path-acceleration device.
    Vdpa = "vdpa", false;
    /// An s390 crypto adapter card.
    ApCard = "ap_card", false;
    /// An s390 crypto queue.
    ApQueue = "ap_queue", false;
    /// The s390 crypto matrix.
    ApMatrix = "ap_matrix", false;
    /// PCI vital product data (inside `pci`).
    Vpd = "vpd", true;
    /// A group of s390 channel devices.
    Ccwgroup = "ccwgroup", false;
    /// Membership of a channel device in a group (inside `ccw`).
    CcwgroupMember = "ccwgroup_member", true;
}

/// The text is no capability that libvirt knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCapability;

impl fmt::Display for UnknownCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown capability, expected one of")?;
        for (i, capability) in Capability::ALL.iter().enumerate() {
            write!(f, "{} {capability}", if i == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownCapability {}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = alloc::string::String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
