//! Every field of the model: its name, its type, where it comes from, when it is read again.
//!
//! One table. A field's name is the path of its element in libvirt's document where it has one, in
//! lower case with underscores, and the path of its member in the JSON of a device.
//! "Property" means a udev property, "attribute" a sysfs attribute of the device. A new kind of
//! device starts with a new group of rows here; its writer and its reader follow in `nodedev-xml`,
//! its translation in the source that knows it, its owner in the merge's ownership table.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use crate::{
    Capability, CcwgroupMember, FieldValue, MdevAttribute, MdevType, PciAddress, PciExpress,
    PciVpd, ValueKind,
};

/// When a field is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refresh {
    /// Only when an event or an enumeration makes the source read the device.
    OnEvent,
    /// Also for a caller that asks for this one device's document.
    OnDump,
}

/// A field together with the Rust type of its value.
///
/// The constants of the modules beside this type are all the keys there are.
pub struct Key<T> {
    field: Field,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.field)
    }
}

impl<T> Key<T> {
    /// The field without the type.
    #[must_use]
    pub const fn field(self) -> Field {
        self.field
    }
}

struct Row {
    name: &'static str,
    doc: &'static [&'static str],
    group_doc: &'static [&'static str],
    kind: ValueKind,
    refresh: Refresh,
}

macro_rules! fields {
    ($(
        $(#[doc = $module_doc:literal])+
        mod $module:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:ident, $variant:ident: $type:ty = $name:literal, $refresh:ident;
            )*
        }
    )*) => {
        /// A field of the known model.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum Field {
            $($( $(#[doc = $doc])+ $variant, )*)*
        }

        impl Field {
            /// Every field, in the order of the documents.
            pub const ALL: &'static [Self] = &[$($( Self::$variant, )*)*];

            const fn row(self) -> Row {
                match self {
                    $($( Self::$variant => Row {
                        name: $name,
                        doc: &[$($doc),+],
                        group_doc: $module::DOC,
                        kind: <$type as FieldValue>::KIND,
                        refresh: Refresh::$refresh,
                    }, )*)*
                }
            }
        }

        $(
            $(#[doc = $module_doc])+
            pub mod $module {
                #[allow(
                    unused_imports,
                    clippy::allow_attributes,
                    reason = "the same imports for every group of the table"
                )]
                use super::{
                    Capability, CcwgroupMember, Field, Key, MdevAttribute, MdevType, PciAddress,
                    PciExpress, PciVpd, PhantomData, String, Vec,
                };

                pub(super) const DOC: &[&str] = &[$($module_doc),+];

                $(
                    $(#[doc = $doc])+
                    pub const $key: Key<$type> = Key { field: Field::$variant, value: PhantomData };
                )*
            }
        )*
    };
}

fields! {
    /// Fields that any device can have.
    mod device {
        /// The main capability. From the classification of the udev device; `mdev` for a definition.
        CAPABILITY, DeviceCapability: Capability = "capability", OnEvent;
        /// Canonical sysfs path. From libudev's syspath.
        PATH, DevicePath: String = "path", OnEvent;
        /// Device node. From property `DEVNAME`, absolute.
        DEVNODE, DeviceDevnode: String = "devnode", OnEvent;
        /// Links to the device node, sorted bytewise, without duplicates. From property `DEVLINKS`.
        DEVLINKS, DeviceDevlinks: Vec<String> = "devlinks", OnEvent;
        /// Name of the bound driver: last component of the target of the link `driver`.
        DRIVER, DeviceDriver: String = "driver", OnDump;
        /// The kernel's subsystem. Not in the document.
        SUBSYSTEM, DeviceSubsystem: String = "subsystem", OnEvent;
        /// What mediated devices call this device when it is their parent: the PCI address, the
        /// channel address, `matrix`, or the name of its link in `/sys/class/mdev_bus`. Not in the document.
        ADDRESS, DeviceAddress: String = "address", OnEvent;
        /// Whether it starts together with its parent. From `start` of a definition. Not in the document.
        AUTOSTART, DeviceAutostart: bool = "autostart", OnEvent;
    }
    /// The host: `computer`. Text from `/sys/devices/virtual/dmi/id`.
    mod system {
        /// Product name. From attribute `product_name`.
        PRODUCT, SystemProduct: String = "system.product", OnEvent;
        /// Vendor of the machine. From attribute `sys_vendor`.
        HARDWARE_VENDOR, SystemHardwareVendor: String = "system.hardware.vendor", OnEvent;
        /// Version of the machine. From attribute `product_version`.
        HARDWARE_VERSION, SystemHardwareVersion: String = "system.hardware.version", OnEvent;
        /// Serial number of the machine. From attribute `product_serial`.
        HARDWARE_SERIAL, SystemHardwareSerial: String = "system.hardware.serial", OnEvent;
        /// UUID of the host: configured, else attribute `product_uuid`, else derived from the machine id.
        HARDWARE_UUID, SystemHardwareUuid: String = "system.hardware.uuid", OnEvent;
        /// Vendor of the firmware. From attribute `bios_vendor`.
        FIRMWARE_VENDOR, SystemFirmwareVendor: String = "system.firmware.vendor", OnEvent;
        /// Version of the firmware. From attribute `bios_version`.
        FIRMWARE_VERSION, SystemFirmwareVersion: String = "system.firmware.version", OnEvent;
        /// Release date of the firmware. From attribute `bios_date`.
        FIRMWARE_RELEASE_DATE, SystemFirmwareReleaseDate: String = "system.firmware.release_date", OnEvent;
    }
    /// PCI functions.
    mod pci {
        /// Class code, 24 bits. From property `PCI_CLASS`.
        CLASS, PciClass: u64 = "pci.class", OnEvent;
        /// Domain, bus, slot and function. From the last component of the path.
        ADDRESS, PciAddress: PciAddress = "pci.address", OnEvent;
        /// Product id. From attribute `device`.
        PRODUCT_ID, PciProductId: u64 = "pci.product.id", OnEvent;
        /// Product name. From the host's `pci.ids`.
        PRODUCT_NAME, PciProductName: String = "pci.product.name", OnEvent;
        /// Vendor id. From attribute `vendor`.
        VENDOR_ID, PciVendorId: u64 = "pci.vendor.id", OnEvent;
        /// Vendor name. From the host's `pci.ids`.
        VENDOR_NAME, PciVendorName: String = "pci.vendor.name", OnEvent;
        /// The function that makes this one, which is virtual. From the link `physfn`.
        PHYS_FUNCTION, PciPhysFunction: PciAddress = "pci.phys_function", OnDump;
        /// How many virtual functions it can make. From attribute `sriov_totalvfs`.
        VIRT_FUNCTIONS_MAX_COUNT, PciVirtFunctionsMaxCount: u64 = "pci.virt_functions.max_count", OnDump;
        /// The virtual functions that it has made, by their number. From the links `virtfn0`, `virtfn1` and so on.
        VIRT_FUNCTIONS, PciVirtFunctions: Vec<PciAddress> = "pci.virt_functions.addresses", OnDump;
        /// Layout of configuration space: `pci-bridge` or `cardbus-bridge`; absent for an endpoint. From the
        /// header type in `config`, which only root is shown.
        HEADER, PciHeader: String = "pci.header", OnEvent;
        /// Vital product data. From attribute `vpd`; absent where it is malformed.
        VPD, PciVpd: PciVpd = "pci.vpd", OnDump;
        /// Number of the IOMMU group. From the link `iommu_group`.
        IOMMU_GROUP, PciIommuGroup: u64 = "pci.iommu_group.number", OnDump;
        /// All functions of the IOMMU group. From its directory `devices`, in its own order.
        IOMMU_GROUP_ADDRESSES, PciIommuGroupAddresses: Vec<PciAddress> = "pci.iommu_group.addresses", OnDump;
        /// NUMA node, where the function has one. From attribute `numa_node`.
        NUMA_NODE, PciNumaNode: u64 = "pci.numa.node", OnEvent;
        /// PCI Express and its link. From the capabilities in `config`, which only root is shown.
        EXPRESS, PciExpress: PciExpress = "pci.express", OnEvent;
    }
    /// USB devices.
    mod usb_device {
        /// Bus number. From property `BUSNUM`.
        BUS, UsbDeviceBus: u64 = "usb_device.bus", OnEvent;
        /// Device number on the bus. From property `DEVNUM`.
        DEVICE, UsbDeviceDevice: u64 = "usb_device.device", OnEvent;
        /// Product id. From property `ID_MODEL_ID`.
        PRODUCT_ID, UsbDeviceProductId: u64 = "usb_device.product.id", OnEvent;
        /// Product name. From property `ID_MODEL_FROM_DATABASE`, else attribute `product`.
        PRODUCT_NAME, UsbDeviceProductName: String = "usb_device.product.name", OnEvent;
        /// Vendor id. From property `ID_VENDOR_ID`.
        VENDOR_ID, UsbDeviceVendorId: u64 = "usb_device.vendor.id", OnEvent;
        /// Vendor name. From property `ID_VENDOR_FROM_DATABASE`, else attribute `manufacturer`.
        VENDOR_NAME, UsbDeviceVendorName: String = "usb_device.vendor.name", OnEvent;
    }
    /// USB interfaces.
    mod usb {
        /// Interface number. From attribute `bInterfaceNumber`, 0 where it is missing.
        NUMBER, UsbNumber: u64 = "usb.number", OnEvent;
        /// Class code. From attribute `bInterfaceClass`, 0 where it is missing.
        CLASS, UsbClass: u64 = "usb.class", OnEvent;
        /// Subclass code. From attribute `bInterfaceSubClass`, 0 where it is missing.
        SUBCLASS, UsbSubclass: u64 = "usb.subclass", OnEvent;
        /// Protocol code. From attribute `bInterfaceProtocol`, 0 where it is missing.
        PROTOCOL, UsbProtocol: u64 = "usb.protocol", OnEvent;
    }
    /// Network interfaces.
    mod net {
        /// Name of the interface. From property `INTERFACE`.
        INTERFACE, NetInterface: String = "net.interface", OnEvent;
        /// Hardware address. From attribute `address`.
        ADDRESS, NetAddress: String = "net.address", OnEvent;
        /// Link speed in Mbit/s, while up and known. From attribute `speed`; -1 there is 4294967295.
        LINK_SPEED, NetLinkSpeed: u64 = "net.link.speed", OnDump;
        /// Link state. From attribute `operstate`.
        LINK_STATE, NetLinkState: String = "net.link.state", OnDump;
        /// Offload features that are on, in libvirt's order. From the interface's ethtool settings
        /// and from class `infiniband`.
        FEATURES, NetFeatures: Vec<String> = "net.features", OnDump;
        /// IEEE family: `80203`, or `80211` for wireless. From DEVTYPE.
        SUBTYPE, NetSubtype: String = "net.subtype", OnEvent;
    }
    /// SCSI host adapters.
    mod scsi_host {
        /// Host number. From the last component of the path.
        HOST, ScsiHostHost: u64 = "scsi_host.host", OnEvent;
        /// The driver's own number of the adapter. From attribute `unique_id` in class `scsi_host`.
        UNIQUE_ID, ScsiHostUniqueId: u64 = "scsi_host.unique_id", OnDump;
        /// World-wide name of the node, without `0x`. From attribute `node_name` in class `fc_host`.
        WWNN, ScsiHostWwnn: String = "scsi_host.fc_host.wwnn", OnDump;
        /// World-wide name of the port, without `0x`. From attribute `port_name` in class `fc_host`.
        WWPN, ScsiHostWwpn: String = "scsi_host.fc_host.wwpn", OnDump;
        /// World-wide name of the fabric, without `0x`. From attribute `fabric_name` in class `fc_host`.
        FABRIC_WWN, ScsiHostFabricWwn: String = "scsi_host.fc_host.fabric_wwn", OnDump;
        /// How many virtual ports there can be, in 32 bits with a sign. From attribute
        /// `max_npiv_vports` in class `fc_host`, where there is a `vport_create`.
        MAX_VPORTS, ScsiHostMaxVports: u64 = "scsi_host.vport_ops.max_vports", OnDump;
        /// How many virtual ports there are, in 32 bits with a sign. From attribute
        /// `npiv_vports_inuse` in class `fc_host`, where there is a `vport_create`.
        VPORTS, ScsiHostVports: u64 = "scsi_host.vport_ops.vports", OnDump;
    }
    /// SCSI targets.
    mod scsi_target {
        /// Name of the target, for example `target0:0:0`: the last component of the path.
        TARGET, ScsiTargetTarget: String = "scsi_target.target", OnEvent;
        /// Name of the remote port. From the name of the directory above, if class
        /// `fc_remote_ports` knows it.
        RPORT, ScsiTargetRport: String = "scsi_target.fc_remote_port.rport", OnDump;
        /// World-wide name of the remote port, with its `0x`. From attribute `port_name` in class
        /// `fc_remote_ports`.
        WWPN, ScsiTargetWwpn: String = "scsi_target.fc_remote_port.wwpn", OnDump;
    }
    /// SCSI logical units. Numbers from the last component of the path.
    mod scsi {
        /// Host number.
        HOST, ScsiHost: u64 = "scsi.host", OnEvent;
        /// Channel number.
        BUS, ScsiBus: u64 = "scsi.bus", OnEvent;
        /// Target number.
        TARGET, ScsiTarget: u64 = "scsi.target", OnEvent;
        /// Logical unit number.
        LUN, ScsiLun: u64 = "scsi.lun", OnEvent;
        /// Peripheral type as a word, where it has one. From attribute `type`.
        TYPE, ScsiType: String = "scsi.type", OnEvent;
    }
    /// Block devices.
    mod storage {
        /// Device node.
        BLOCK, StorageBlock: String = "storage.block", OnEvent;
        /// Bus. From property `ID_BUS`.
        BUS, StorageBus: String = "storage.bus", OnEvent;
        /// Drive type: disk, cdrom, floppy, sd or dasd.
        DRIVE_TYPE, StorageDriveType: String = "storage.drive_type", OnEvent;
        /// Model. From attribute `device/model`, without trailing white space.
        MODEL, StorageModel: String = "storage.model", OnEvent;
        /// Vendor. From attribute `device/vendor`, without trailing white space.
        VENDOR, StorageVendor: String = "storage.vendor", OnEvent;
        /// Serial number. From property `ID_SERIAL`; of a dasd from attribute `device/uid`.
        SERIAL, StorageSerial: String = "storage.serial", OnEvent;
        /// Whether the medium can be taken out (cdrom and floppy). From attribute `removable`.
        REMOVABLE, StorageRemovable: bool = "storage.removable", OnEvent;
        /// Whether there is a medium. From property `ID_CDROM_MEDIA` or `ID_FS_LABEL`.
        MEDIA_AVAILABLE, StorageMediaAvailable: bool = "storage.media_available", OnEvent;
        /// Size of the medium in bytes: sectors times logical block size.
        MEDIA_SIZE, StorageMediaSize: u64 = "storage.media_size", OnEvent;
        /// Label of the medium. From property `ID_FS_LABEL`.
        MEDIA_LABEL, StorageMediaLabel: String = "storage.media_label", OnEvent;
        /// Size in bytes: sectors times logical block size, 0 for a cdrom or floppy.
        SIZE, StorageSize: u64 = "storage.size", OnEvent;
        /// Logical block size in bytes. From attribute `queue/logical_block_size`.
        LOGICAL_BLOCK_SIZE, StorageLogicalBlockSize: u64 = "storage.logical_block_size", OnEvent;
        /// Number of sectors of 512 bytes. From attribute `size`.
        NUM_BLOCKS, StorageNumBlocks: u64 = "storage.num_blocks", OnEvent;
    }
    /// SCSI generic devices.
    mod scsi_generic {
        /// Character device. From property `DEVNAME`.
        CHAR, ScsiGenericChar: String = "scsi_generic.char", OnEvent;
    }
    /// Direct rendering.
    mod drm {
        /// Kind of minor: primary, control or render. From property `MINOR`.
        TYPE, DrmType: String = "drm.type", OnEvent;
    }
    /// Channel devices of s390. Numbers from the last component of the path.
    mod ccw {
        /// `online` or `offline`, where it is one of them. From attribute `online`.
        STATE, CcwState: String = "ccw.state", OnEvent;
        /// Channel subsystem.
        CSSID, CcwCssid: u64 = "ccw.cssid", OnEvent;
        /// Subchannel set.
        SSID, CcwSsid: u64 = "ccw.ssid", OnEvent;
        /// Device number.
        DEVNO, CcwDevno: u64 = "ccw.devno", OnEvent;
        /// Name of the group that it is a member of. From the link `group_device`.
        GROUP_DEVICE, CcwGroupDevice: String = "ccw.ccwgroup_member.group_device", OnDump;
    }
    /// Subchannels of s390. Numbers from the last component of the path.
    mod css {
        /// Channel subsystem.
        CSSID, CssCssid: u64 = "css.cssid", OnEvent;
        /// Subchannel set.
        SSID, CssSsid: u64 = "css.ssid", OnEvent;
        /// Number of the subchannel.
        DEVNO, CssDevno: u64 = "css.devno", OnEvent;
        /// Channel subsystem of the device behind it. From attribute `dev_busid`.
        CHANNEL_CSSID, CssChannelCssid: u64 = "css.channel_dev_addr.cssid", OnEvent;
        /// Subchannel set of the device behind it. From attribute `dev_busid`.
        CHANNEL_SSID, CssChannelSsid: u64 = "css.channel_dev_addr.ssid", OnEvent;
        /// Number of the device behind it. From attribute `dev_busid`.
        CHANNEL_DEVNO, CssChannelDevno: u64 = "css.channel_dev_addr.devno", OnEvent;
    }
    /// Groups of channel devices of s390. Numbers from the last component of the path.
    mod ccwgroup {
        /// `online` or `offline`, where it is one of them. From attribute `online`.
        STATE, CcwgroupState: String = "ccwgroup.state", OnEvent;
        /// Channel subsystem.
        CSSID, CcwgroupCssid: u64 = "ccwgroup.cssid", OnEvent;
        /// Subchannel set.
        SSID, CcwgroupSsid: u64 = "ccwgroup.ssid", OnEvent;
        /// Device number.
        DEVNO, CcwgroupDevno: u64 = "ccwgroup.devno", OnEvent;
        /// The members, in the order of the directory. From the links `cdev*`.
        MEMBERS, CcwgroupMembers: Vec<CcwgroupMember> = "ccwgroup.members", OnDump;
        /// Kind of group: `qeth_generic`, `qeth_layer2` or `qeth_layer3`. From DEVTYPE.
        TYPE, CcwgroupType: String = "ccwgroup.type", OnEvent;
        /// Type of the network card. From attribute `card_type`.
        CARD_TYPE, CcwgroupCardType: String = "ccwgroup.card_type", OnEvent;
        /// Channel path of the network card. From attribute `chpid`.
        CHPID, CcwgroupChpid: String = "ccwgroup.chpid", OnEvent;
    }
    /// Virtio data-path acceleration.
    mod vdpa {
        /// Character device. From the name of the entry `vhost-vdpa*` of the device's directory.
        CHARDEV, VdpaChardev: String = "vdpa.chardev", OnEvent;
    }
    /// Crypto cards of s390.
    mod ap_card {
        /// Number of the card. From the last component of the path.
        AP_ADAPTER, ApCardApAdapter: u64 = "ap_card.ap_adapter", OnEvent;
    }
    /// Crypto queues of s390. Numbers from the last component of the path.
    mod ap_queue {
        /// Number of the card.
        AP_ADAPTER, ApQueueApAdapter: u64 = "ap_queue.ap_adapter", OnEvent;
        /// Number of the domain.
        AP_DOMAIN, ApQueueApDomain: u64 = "ap_queue.ap_domain", OnEvent;
    }
    /// Parents of mediated devices: nested in pci, css and ap_matrix, or a device of its own.
    mod mdev_types {
        /// Types that can be made. From the directory `mdev_supported_types`, in its own order.
        TYPES, MdevTypesTypes: Vec<MdevType> = "mdev_types", OnDump;
    }
    /// Mediated devices.
    mod mdev {
        /// The uuid. From the last component of the path, or the key of the definition.
        UUID, MdevUuid: String = "mdev.uuid", OnEvent;
        /// Address of the parent. From the parent directory's name, or the definition.
        PARENT_ADDR, MdevParentAddr: String = "mdev.parent_addr", OnEvent;
        /// Type while running. From the link `mdev_type`.
        TYPE, MdevType: String = "mdev.type", OnEvent;
        /// Number of the IOMMU group while running. From the link `iommu_group`.
        IOMMU_GROUP, MdevIommuGroup: u64 = "mdev.iommu_group.number", OnEvent;
        /// Attributes while running. From mdevctl's active listing.
        ATTRIBUTES, MdevAttributes: Vec<MdevAttribute> = "mdev.attributes", OnEvent;
        /// Type in the definition. From mdevctl's defined listing.
        DEFINED_TYPE, MdevDefinedType: String = "mdev.defined.type", OnEvent;
        /// Attributes in the definition. From mdevctl's defined listing.
        DEFINED_ATTRIBUTES, MdevDefinedAttributes: Vec<MdevAttribute> = "mdev.defined.attributes", OnEvent;
    }
}

impl Field {
    /// Name of the field, for example `pci.product.id`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Type of the field's value.
    #[must_use]
    pub const fn kind(self) -> ValueKind {
        self.row().kind
    }

    /// When the field is read again.
    #[must_use]
    pub const fn refresh(self) -> Refresh {
        self.row().refresh
    }

    /// What the field is and where it comes from, in one or more sentences.
    #[must_use]
    pub fn description(self) -> String {
        joined(self.row().doc)
    }

    /// Name of the group that the field is in, which is the first part of its own: `pci`. A field
    /// that any device can have is in none.
    #[must_use]
    pub fn group(self) -> Option<&'static str> {
        self.as_str().split_once('.').map(|(group, _)| group)
    }

    /// What the fields of the same group are about, in one or more sentences.
    #[must_use]
    pub fn group_description(self) -> String {
        joined(self.row().group_doc)
    }
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no field of the known model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownField;

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such field")
    }
}

impl core::error::Error for UnknownField {}

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|field| field.as_str() == text).ok_or(UnknownField)
    }
}

/// Name of any field: of the known model, or of a third-party source's own.
///
/// As text, an extension is `NAMESPACE:NAME`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FieldName {
    /// A field of the known model.
    Known(Field),
    /// A field that one third-party source brings under its own name space.
    Extension(Arc<ExtensionName>),
}

/// Name of a field outside the known model. Behind a pointer in [`FieldName`], since hardly any field has one and
/// every field of every device would have room for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionName {
    /// The source's name space.
    pub namespace: String,
    /// Name within it.
    pub name: String,
}

impl FieldName {
    /// A field outside the known model.
    #[must_use]
    pub fn extension(namespace: &str, name: &str) -> Self {
        Self::Extension(Arc::new(ExtensionName { namespace: namespace.into(), name: name.into() }))
    }
}

impl From<Field> for FieldName {
    fn from(field: Field) -> Self {
        Self::Known(field)
    }
}

impl FromStr for FieldName {
    type Err = UnknownField;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                Ok(Self::extension(namespace, name))
            }
            _ => text.parse().map(Self::Known),
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(field) => f.pad(field.as_str()),
            Self::Extension(extension) => {
                let ExtensionName { namespace, name } = &**extension;
                f.pad(&alloc::format!("{namespace}:{name}"))
            }
        }
    }
}

impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for FieldName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for FieldName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e| serde::de::Error::custom(alloc::format!("{e}: `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_parse_back() {
        let names: BTreeSet<_> = Field::ALL.iter().map(|field| field.as_str()).collect();
        assert_eq!(names.len(), Field::ALL.len());
        for &field in Field::ALL {
            assert_eq!(field.as_str().parse(), Ok(field));
            assert!(!field.as_str().contains(':'), "{field} would read as an extension");
            assert!(field.description().len() > 10, "{field} has no description");
        }
    }

    #[test]
    fn a_name_is_small_since_every_field_of_every_device_has_one() {
        assert_eq!(size_of::<FieldName>(), 2 * size_of::<usize>());
        assert!(size_of::<(FieldName, crate::Value)>() <= 6 * size_of::<usize>());
    }

    #[test]
    fn extensions_keep_their_name_space() {
        let name: FieldName = "acme:slot".parse().unwrap();
        assert_eq!(name, FieldName::extension("acme", "slot"));
        assert_eq!("acme:".parse::<FieldName>(), Err(UnknownField));
    }
}
