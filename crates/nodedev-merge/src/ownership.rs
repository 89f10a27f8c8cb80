//! The ownership table: for every field, whose word counts.
//!
//! This is the one place that knows it. It is data, read by the merge and by `explain`, and printed
//! in `docs/merge-policy.md`. It names sources by their ids and knows nothing else of them.
//!
//! Of devices in a third-party source's own name space only that source's word counts; from this
//! table they take the conditions alone (no autostart without a definition). Fields outside the known model belong to the source whose name space
//! they carry.

use alloc::vec;
use alloc::vec::Vec;

use nodedev_types::fields::{device, mdev};
use nodedev_types::{Field, FieldSet, Presence, SourceId, StreamInfo};

/// How the value of a field is found among the claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// This source's word, or none.
    Owner(&'static str),
    /// The word of the first of these sources that says anything.
    Priority(&'static [&'static str]),
    /// The texts of all these sources together, sorted, without duplicates.
    Union(&'static [&'static str]),
}

/// When the claims for a field count at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Always.
    Always,
    /// While the device is active.
    WhileActive,
    /// While the device is persistent.
    WhilePersistent,
}

/// One row of the table: a group of fields that are treated alike.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The fields.
    pub fields: &'static [Field],
    /// Whose word counts.
    pub strategy: Strategy,
    /// When it counts.
    pub condition: Condition,
    /// Sources that may speak of these fields and never win; `explain` shows what they say.
    pub heard: &'static [&'static str],
    /// Why it is so, for the reader of the policy.
    pub why: &'static str,
}

const UDEV: &str = SourceId::UDEV;
const DEFINED: &str = SourceId::MDEVCTL_DEFINED;
const ACTIVE: &str = SourceId::MDEVCTL_ACTIVE;

/// The table. Every field of the model stands in exactly one row.
pub static OWNERSHIP: &[Rule] = &[
    Rule {
        fields: &[Field::DeviceCapability],
        strategy: Strategy::Priority(&[UDEV, DEFINED]),
        condition: Condition::Always,
        heard: &[],
        why: "the kernel decides what a device is; a definition is always of a mediated device",
    },
    Rule {
        fields: &[Field::MdevUuid, Field::MdevParentAddr],
        strategy: Strategy::Priority(&[UDEV, DEFINED]),
        condition: Condition::Always,
        heard: &[ACTIVE],
        why: "part of the identity, so all that speak of the device agree",
    },
    Rule {
        fields: &[
            Field::DevicePath,
            Field::DeviceDevnode,
            Field::DeviceDevlinks,
            Field::DeviceDriver,
            Field::DeviceSubsystem,
            Field::DeviceAddress,
        ],
        strategy: Strategy::Owner(UDEV),
        condition: Condition::Always,
        heard: &[],
        why: "facts of the running kernel; what is not active has none of them",
    },
    Rule {
        fields: &[Field::MdevType],
        strategy: Strategy::Owner(UDEV),
        condition: Condition::Always,
        heard: &[ACTIVE],
        why: "the link in sysfs tells the type that runs; mdevctl up to 1.2 lists the defined type instead",
    },
    Rule {
        fields: &[Field::MdevIommuGroup],
        strategy: Strategy::Owner(UDEV),
        condition: Condition::Always,
        heard: &[],
        why: "a group exists only while the device runs",
    },
    Rule {
        fields: &[Field::MdevAttributes],
        strategy: Strategy::Owner(ACTIVE),
        condition: Condition::WhileActive,
        heard: &[],
        why: "only mdevctl's callout scripts can read them, and only of a running device",
    },
    Rule {
        fields: &[Field::DeviceAutostart, Field::MdevDefinedType, Field::MdevDefinedAttributes],
        strategy: Strategy::Owner(DEFINED),
        condition: Condition::WhilePersistent,
        heard: &[],
        why: "what the definition says; without a definition there is none of it",
    },
    Rule {
        fields: &[
            Field::SystemProduct,
            Field::SystemHardwareVendor,
            Field::SystemHardwareVersion,
            Field::SystemHardwareSerial,
            Field::SystemHardwareUuid,
            Field::SystemFirmwareVendor,
            Field::SystemFirmwareVersion,
            Field::SystemFirmwareReleaseDate,
            Field::PciClass,
            Field::PciAddress,
            Field::PciProductId,
            Field::PciProductName,
            Field::PciVendorId,
            Field::PciVendorName,
            Field::PciPhysFunction,
            Field::PciVirtFunctionsMaxCount,
            Field::PciVirtFunctions,
            Field::PciHeader,
            Field::PciVpd,
            Field::PciIommuGroup,
            Field::PciIommuGroupAddresses,
            Field::PciNumaNode,
            Field::PciExpress,
            Field::UsbDeviceBus,
            Field::UsbDeviceDevice,
            Field::UsbDeviceProductId,
            Field::UsbDeviceProductName,
            Field::UsbDeviceVendorId,
            Field::UsbDeviceVendorName,
            Field::UsbNumber,
            Field::UsbClass,
            Field::UsbSubclass,
            Field::UsbProtocol,
            Field::NetInterface,
            Field::NetAddress,
            Field::NetLinkSpeed,
            Field::NetLinkState,
            Field::NetFeatures,
            Field::NetSubtype,
            Field::ScsiHostHost,
            Field::ScsiHostUniqueId,
            Field::ScsiHostWwnn,
            Field::ScsiHostWwpn,
            Field::ScsiHostFabricWwn,
            Field::ScsiHostMaxVports,
            Field::ScsiHostVports,
            Field::ScsiTargetTarget,
            Field::ScsiTargetRport,
            Field::ScsiTargetWwpn,
            Field::ScsiHost,
            Field::ScsiBus,
            Field::ScsiTarget,
            Field::ScsiLun,
            Field::ScsiType,
            Field::StorageBlock,
            Field::StorageBus,
            Field::StorageDriveType,
            Field::StorageModel,
            Field::StorageVendor,
            Field::StorageSerial,
            Field::StorageRemovable,
            Field::StorageMediaAvailable,
            Field::StorageMediaSize,
            Field::StorageMediaLabel,
            Field::StorageSize,
            Field::StorageLogicalBlockSize,
            Field::StorageNumBlocks,
            Field::ScsiGenericChar,
            Field::DrmType,
            Field::CcwState,
            Field::CcwCssid,
            Field::CcwSsid,
            Field::CcwDevno,
            Field::CcwGroupDevice,
            Field::CssCssid,
            Field::CssSsid,
            Field::CssDevno,
            Field::CssChannelCssid,
            Field::CssChannelSsid,
            Field::CssChannelDevno,
            Field::CcwgroupState,
            Field::CcwgroupCssid,
            Field::CcwgroupSsid,
            Field::CcwgroupDevno,
            Field::CcwgroupMembers,
            Field::CcwgroupType,
            Field::CcwgroupCardType,
            Field::CcwgroupChpid,
            Field::VdpaChardev,
            Field::ApCardApAdapter,
            Field::ApQueueApAdapter,
            Field::ApQueueApDomain,
            Field::MdevTypesTypes,
        ],
        strategy: Strategy::Owner(UDEV),
        condition: Condition::Always,
        heard: &[],
        why: "only the kernel and udev's database know them",
    },
];

impl Rule {
    /// The sources whose word can count, best first.
    #[must_use]
    pub fn sources(&self) -> &[&'static str] {
        match &self.strategy {
            Strategy::Owner(owner) => core::slice::from_ref(owner),
            Strategy::Priority(sources) | Strategy::Union(sources) => sources,
        }
    }
}

/// The streams of the two sources that every host has, as this table expects them.
///
/// Useful where no source is at hand: in tests, and to print the policy.
#[must_use]
pub fn builtin_streams() -> Vec<StreamInfo> {
    let udev = OWNERSHIP
        .iter()
        .filter(|rule| rule.sources().contains(&UDEV))
        .flat_map(|rule| rule.fields.iter().copied());
    let defined = FieldSet::new()
        .with(device::CAPABILITY)
        .with(device::AUTOSTART)
        .with(mdev::UUID)
        .with(mdev::PARENT_ADDR)
        .with(mdev::DEFINED_TYPE)
        .with(mdev::DEFINED_ATTRIBUTES);
    let active = FieldSet::new()
        .with(mdev::UUID)
        .with(mdev::PARENT_ADDR)
        .with(mdev::TYPE)
        .with(mdev::ATTRIBUTES);
    vec![
        StreamInfo::new(UDEV, Presence::Active, FieldSet::new().with_fields(udev)),
        StreamInfo::new(DEFINED, Presence::Defined, defined),
        StreamInfo::new(ACTIVE, Presence::Nothing, active),
    ]
}
