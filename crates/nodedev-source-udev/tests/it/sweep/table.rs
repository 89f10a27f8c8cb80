//! What each kind of garbage costs in each attribute, link and property of each kind of device, as
//! the model of libvirt's node devices has it: data, not code.
//!
//! What stands in no row must have no effect at all.

use nodedev_types::Capability::*;
use nodedev_types::fields::{
    ccw, ccwgroup, css, device, mdev, mdev_types, net, pci, scsi, scsi_host, scsi_target, storage,
    system, usb, usb_device,
};
use nodedev_types::{Capability, Field};

use super::garbage::Garbage::*;
use super::rules::*;
use super::subject::Subject;

/// Kinds that can be parents of mediated devices.
const PARENTS: [Capability; 4] = [Pci, Css, ApMatrix, MdevTypes];

/// All of a Fibre Channel host: without one needed file it is shown as none.
const FIBRE_CHANNEL: &[Field] = &[
    scsi_host::WWNN.field(),
    scsi_host::WWPN.field(),
    scsi_host::FABRIC_WWN.field(),
    scsi_host::MAX_VPORTS.field(),
    scsi_host::VPORTS.field(),
];
const VPORTS: &[Field] = &[scsi_host::MAX_VPORTS.field(), scsi_host::VPORTS.field()];
const BLOCKS: &[Field] = &[
    storage::SIZE.field(),
    storage::MEDIA_SIZE.field(),
    storage::LOGICAL_BLOCK_SIZE.field(),
    storage::NUM_BLOCKS.field(),
];
const NAMES: &[Field] = &[storage::MODEL.field(), storage::VENDOR.field()];
const CONFIG: &[Field] = &[pci::HEADER.field(), pci::EXPRESS.field()];
const MOST_VFS: &[Field] = &[pci::VIRT_FUNCTIONS_MAX_COUNT.field()];
const GROUP: &[Field] = &[pci::IOMMU_GROUP.field(), pci::IOMMU_GROUP_ADDRESSES.field()];
const CHANNEL: &[Field] =
    &[css::CHANNEL_CSSID.field(), css::CHANNEL_SSID.field(), css::CHANNEL_DEVNO.field()];
const PORT: &[Field] = &[scsi_target::RPORT.field(), scsi_target::WWPN.field()];
const TYPES: &[Field] = &[mdev_types::TYPES.field()];

/// The link to a driver, which is shown by its name.
const DRIVER: Rules = &[
    (&[Missing, Word, Directory], Without(Either)),
    (&[Dangling], Without(Either)),
    (&[Elsewhere], Changes(No)),
];

/// All rows.
pub(crate) fn rows() -> Vec<Row> {
    let everywhere = Capability::ALL.iter().flat_map(|kind| common(*kind));
    let parents = PARENTS.into_iter().flat_map(parent);
    everywhere.chain(parents).chain(pci_rows()).chain(usb_rows()).chain(rest()).collect()
}

/// What libudev itself reads. The kind and the names of a device hang on it.
fn common(kind: Capability) -> Vec<Row> {
    let names: [&'static str; 5] = ["SUBSYSTEM", "MAJOR", "MINOR", "IFINDEX", "DEVNAME"];
    let mut rows: Vec<Row> = names.into_iter().map(|name| Row::property(kind, name, OWN)).collect();
    rows.push(Row::property(kind, "DEVTYPE", DEVTYPE));
    rows.push(Row::link(kind, "driver", DRIVER).into(&[device::DRIVER.field()]));
    rows
}

/// Any other word than those of the kinds means that it is no device.
const DEVTYPE: Rules =
    &[(&[Missing, Empty], Own), (&[NotUtf8, Negative, Overflow, Junk, Word], NotADevice)];

fn parent(kind: Capability) -> [Row; 3] {
    [
        Row::file(kind, "mdev_supported_types/*/name", NUMBER).into(TYPES).but(&[
            (&[Missing], Changes(No)),
            (&[Dangling], Changes(Either)),
            (&[Huge, Directory], Discard),
            (&[NotUtf8], Changes(Yes)),
            (&[Empty, Negative, Overflow, Junk, Word], Changes(No)),
        ]),
        Row::file(kind, "mdev_supported_types/*/device_api", NEEDED).into(TYPES).but(&[
            (&[NotUtf8], Changes(Yes)),
            (&[Empty, Negative, Overflow, Junk, Word], Changes(No)),
        ]),
        Row::file(kind, "mdev_supported_types/*/available_instances", NEEDED),
    ]
}

fn pci_rows() -> Vec<Row> {
    vec![
        Row::property(Pci, "PCI_CLASS", PROPERTY_NUMBER)
            .into(&[pci::CLASS.field()])
            .but(&[(&[Missing], NotADevice), (&[Negative], Without(No))])
            // Without a class it is still a parent of mediated devices.
            .when(|s| s.fields.get(mdev_types::TYPES).is_none())
            .otherwise(Own),
        Row::file(Pci, "vendor", NEEDED),
        Row::file(Pci, "device", NEEDED),
        Row::file(Pci, "numa_node", NUMBER)
            .into(&[pci::NUMA_NODE.field()])
            .but(&[(&[Negative], Without(No))]),
        // The type of the header is one of the digits; bytes that are not there are zero.
        Row::file(Pci, "config", NEEDED).into(CONFIG).but(&[
            (&[Empty, NotUtf8, Negative, Word, Junk], Changes(No)),
            (&[Directory], Changes(Yes)),
        ]),
        Row::file(Pci, "vpd", LEFT_OUT).into(&[pci::VPD.field()]).but(&[(&[Junk], Own)]),
        // A number at the beginning is enough.
        Row::file(Pci, "sriov_totalvfs", NEEDED)
            .into(MOST_VFS)
            .but(&[
                (&[Missing], Without(No)),
                (&[Dangling], Without(Either)),
                (&[Negative], Number(u32::MAX)),
                (&[Junk], Changes(No)),
            ])
            // A virtual function has none, and is not asked.
            .when(|s| s.fields.get(pci::PHYS_FUNCTION).is_none())
            .otherwise(Own),
        Row::link(Pci, "physfn", LEFT_OUT)
            .into(&[pci::PHYS_FUNCTION.field()])
            .but(&[(&[Elsewhere], Without(Yes))]),
        Row::link(Pci, "virtfn*", NEEDED)
            .into(&[pci::VIRT_FUNCTIONS.field()])
            .but(&[(&[Missing], Changes(No)), (&[Dangling], Changes(Either))])
            // Nothing behind the first missing number is looked at.
            .when(|s| s.fields.get(pci::VIRT_FUNCTIONS).map_or(0, <[_]>::len) == s.functions)
            .otherwise(Own),
        Row::link(Pci, "iommu_group", NEEDED)
            .into(GROUP)
            .but(&[(&[Missing], Without(No)), (&[Word, Directory], Without(Yes))]),
    ]
}

fn usb_rows() -> Vec<Row> {
    let numbers = [
        ("BUSNUM", &[usb_device::BUS.field()]),
        ("DEVNUM", &[usb_device::DEVICE.field()]),
        ("ID_VENDOR_ID", &[usb_device::VENDOR_ID.field()]),
        ("ID_MODEL_ID", &[usb_device::PRODUCT_ID.field()]),
    ];
    let numbers =
        numbers.map(|(name, field)| Row::property(UsbDevice, name, PROPERTY_NUMBER).into(field));
    let attributes = [
        ("bInterfaceNumber", &[usb::NUMBER.field()]),
        ("bInterfaceClass", &[usb::CLASS.field()]),
        ("bInterfaceSubClass", &[usb::SUBCLASS.field()]),
        ("bInterfaceProtocol", &[usb::PROTOCOL.field()]),
    ];
    let attributes = attributes.map(|(name, field)| {
        Row::file(Usb, name, DEFAULTED)
            .into(field)
            .but(&[(&[Missing], Number(0)), (&[Negative], Number(u32::MAX))])
    });
    let vendor = &[usb_device::VENDOR_NAME.field()];
    let product = &[usb_device::PRODUCT_NAME.field()];
    let names = [
        Row::property(UsbDevice, "ID_VENDOR_FROM_DATABASE", NAME).into(vendor),
        Row::property(UsbDevice, "ID_MODEL_FROM_DATABASE", NAME).into(product),
        Row::file(UsbDevice, "manufacturer", TEXT)
            .into(vendor)
            .when(|s| s.property("ID_VENDOR_FROM_DATABASE").is_none_or(str::is_empty)),
        Row::file(UsbDevice, "product", TEXT)
            .into(product)
            .when(|s| s.property("ID_MODEL_FROM_DATABASE").is_none_or(str::is_empty)),
    ];
    numbers.into_iter().chain(attributes).chain(names).collect()
}

/// Without it the device's own word counts.
const NAME: Rules = &[
    (&[Missing, Empty], Changes(No)),
    (&[NotUtf8], Text(Yes)),
    (&[Negative, Overflow, Junk, Word], Text(No)),
];

fn rest() -> Vec<Row> {
    let host = HOST.iter().map(|(name, field)| Row::file(System, name, TEXT).into(field));
    let uuid =
        Row::file(System, HOST_UUID, LEFT_OUT).into(&[system::HARDWARE_UUID.field()]).but(&[
            (&[Missing, Empty], Changes(No)),
            (&[Dangling], Changes(Either)),
            (&[Huge, NotUtf8, Negative, Overflow, Junk, Word, Directory], Changes(Yes)),
        ]);
    let mut rows: Vec<Row> = host.chain([uuid]).collect();
    rows.extend(net_rows());
    rows.extend(scsi_rows());
    rows.extend(storage_rows());
    rows.extend(channel_rows());
    rows
}

const HOST_UUID: &str = "/sys/devices/virtual/dmi/id/product_uuid";
const HOST: &[(&str, &[Field])] = &[
    ("/sys/devices/virtual/dmi/id/product_name", &[system::PRODUCT.field()]),
    ("/sys/devices/virtual/dmi/id/sys_vendor", &[system::HARDWARE_VENDOR.field()]),
    ("/sys/devices/virtual/dmi/id/product_version", &[system::HARDWARE_VERSION.field()]),
    ("/sys/devices/virtual/dmi/id/product_serial", &[system::HARDWARE_SERIAL.field()]),
    ("/sys/devices/virtual/dmi/id/bios_vendor", &[system::FIRMWARE_VENDOR.field()]),
    ("/sys/devices/virtual/dmi/id/bios_version", &[system::FIRMWARE_VERSION.field()]),
    ("/sys/devices/virtual/dmi/id/bios_date", &[system::FIRMWARE_RELEASE_DATE.field()]),
];

fn net_rows() -> Vec<Row> {
    vec![
        // The link is that of the interface's name; an interface of another name has none.
        Row::property(Net, "INTERFACE", &[(&[NotUtf8, Negative, Overflow, Junk, Word], Discard)])
            .but(&[(&[Missing, Empty], Own)]),
        Row::file(Net, "address", TEXT).into(&[net::ADDRESS.field()]),
        // The InfiniBand face of the same function.
        Row::link(Net, "../../infiniband/*/device", &[(OF_ALL, Changes(Either))])
            .into(&[net::FEATURES.field()]),
        Row::file(Net, "addr_len", NUMBER).but(&[(&[Negative], Keep), (&[Missing], Keep)]),
        Row::file(Net, "operstate", NEEDED),
        Row::file(Net, "speed", NEEDED)
            .into(&[net::LINK_SPEED.field()])
            .but(&[(&[Negative], Number(u32::MAX))])
            .when(|s| s.fields.get(net::LINK_STATE) == Some("up")),
    ]
}

fn scsi_rows() -> Vec<Row> {
    let has_vports = |s: &Subject| s.fields.get(scsi_host::MAX_VPORTS).is_some();
    let name: Rules = &[
        (&[Missing, Dangling], Without(Either)),
        (&[Huge, Directory], Without(Yes)),
        (&[NotUtf8], Changes(Yes)),
        (&[Empty, Negative, Overflow, Junk, Word], Changes(No)),
    ];
    let count: Rules = &[
        (&[Missing, Dangling], Without(Either)),
        (&[Empty, Huge, NotUtf8, Overflow, Junk, Word, Directory], Without(Yes)),
        (&[Negative], Changes(No)),
    ];
    let vport: Rules = &[
        (&[Missing], Without(Either)),
        // It may be there in the other class.
        (&[Dangling], Changes(Either)),
        (&[Empty, Huge, NotUtf8, Negative, Overflow, Junk, Word, Directory], Keep),
    ];
    vec![
        Row::file(ScsiHost, "/sys/class/scsi_host/{name}/unique_id", LEFT_OUT)
            .into(&[scsi_host::UNIQUE_ID.field()])
            .but(&[(&[Negative], Without(No))]),
        Row::file(ScsiHost, "/sys/class/fc_host/{name}/port_name", name).into(FIBRE_CHANNEL),
        Row::file(ScsiHost, "/sys/class/fc_host/{name}/node_name", name).into(FIBRE_CHANNEL),
        Row::file(ScsiHost, "/sys/class/fc_host/{name}/fabric_name", name)
            .into(&[scsi_host::FABRIC_WWN.field()]),
        Row::file(ScsiHost, "/sys/class/fc_host/{name}/max_npiv_vports", count)
            .into(FIBRE_CHANNEL)
            .when(has_vports),
        Row::file(ScsiHost, "/sys/class/fc_host/{name}/npiv_vports_inuse", count)
            .into(FIBRE_CHANNEL)
            .when(has_vports),
        Row::file(ScsiHost, "/sys/class/fc_host/{name}/vport_create", vport)
            .into(VPORTS)
            .when(has_vports)
            .otherwise(Own),
        Row::file(ScsiHost, "/sys/class/scsi_host/{name}/vport_create", vport)
            .into(VPORTS)
            .when(has_vports)
            .otherwise(Own),
        Row::file(ScsiTarget, "/sys/class/fc_remote_ports/{parent}/port_name", name).into(PORT),
        Row::file(Scsi, "type", NUMBER).into(&[scsi::TYPE.field()]),
        Row::property(ScsiGeneric, "DEVNAME", OWN),
    ]
}

fn storage_rows() -> Vec<Row> {
    let reads_blocks = |s: &Subject| {
        s.fields.get(storage::NUM_BLOCKS).is_some()
            || !matches!(s.fields.get(storage::DRIVE_TYPE), Some("cdrom" | "floppy"))
    };
    let is_dasd = |s: &Subject| s.fields.get(storage::DRIVE_TYPE) == Some("dasd");
    let is_other = |s: &Subject| s.fields.get(storage::DRIVE_TYPE) != Some("dasd");
    let is_removable =
        |s: &Subject| matches!(s.fields.get(storage::DRIVE_TYPE), Some("cdrom" | "floppy"));
    let has_label = |s: &Subject| {
        s.fields.get(storage::DRIVE_TYPE) == Some("floppy")
            || s.fields.get(storage::MEDIA_AVAILABLE) == Some(true)
    };
    vec![
        Row::file(Storage, "device/model", TEXT).into(&[storage::MODEL.field()]),
        Row::file(Storage, "device/vendor", TEXT).into(&[storage::VENDOR.field()]),
        Row::file(Storage, "device/uid", NEEDED_TEXT)
            .into(&[storage::SERIAL.field()])
            .when(is_dasd),
        Row::link(Storage, "device", &[(OF_ALL, Without(Either))]).into(NAMES).when(is_other),
        Row::link(Storage, "device", NEEDED).when(is_dasd),
        Row::file(Storage, "size", DEFAULTED).into(BLOCKS).when(reads_blocks),
        Row::file(Storage, "queue/logical_block_size", DEFAULTED).into(BLOCKS).when(reads_blocks),
        Row::file(Storage, "removable", NEEDED)
            .but(&[(&[Missing, Negative, Dangling, Directory], Own)])
            .when(is_removable),
        Row::property(Storage, "ID_TYPE", OWN),
        Row::property(Storage, "ID_DRIVE_FLOPPY", PROPERTY_FLAG),
        Row::property(Storage, "ID_CDROM", PROPERTY_FLAG),
        Row::property(Storage, "ID_DRIVE_FLASH_SD", PROPERTY_FLAG),
        Row::property(Storage, "ID_CDROM_MEDIA", PROPERTY_NUMBER)
            .but(&[(&[Missing, Empty, Negative], Own)])
            .when(|s| s.fields.get(storage::DRIVE_TYPE) == Some("cdrom")),
        Row::property(Storage, "ID_FS_LABEL", PROPERTY_TEXT)
            .into(&[storage::MEDIA_LABEL.field()])
            .but(&[(&[Missing, Empty], Own)])
            .when(has_label),
        Row::property(Storage, "ID_BUS", PROPERTY_TEXT).into(&[storage::BUS.field()]),
        Row::property(Storage, "ID_SERIAL", PROPERTY_TEXT)
            .into(&[storage::SERIAL.field()])
            .when(is_other),
    ]
}

fn channel_rows() -> Vec<Row> {
    vec![
        Row::file(Ccw, "online", DEFAULTED)
            .into(&[ccw::STATE.field()])
            .but(&[(&[Negative], Discard)]),
        Row::link(Ccw, "group_device", NAMED).into(&[ccw::GROUP_DEVICE.field()]),
        // A name with more behind it is a name.
        Row::file(Css, "dev_busid", LEFT_OUT)
            .into(CHANNEL)
            .but(&[(&[Empty], Without(No)), (&[Junk], KeepAnd(Either))]),
        Row::property(Css, "DRIVER", OWN),
        Row::link(Css, "driver", OWN),
        // Whatever makes no sense counts as offline.
        Row::file(Ccwgroup, "online", &[(&[Missing], Changes(No)), (&[Dangling], Changes(Either))])
            .into(&[ccwgroup::STATE.field()])
            .but(&[(
                &[Empty, Huge, NotUtf8, Negative, Overflow, Junk, Word, Directory],
                Changes(Yes),
            )]),
        Row::link(Ccwgroup, "cdev*", OWN),
        Row::file(Ccwgroup, "card_type", TEXT).into(&[ccwgroup::CARD_TYPE.field()]),
        Row::file(Ccwgroup, "chpid", TEXT).into(&[ccwgroup::CHPID.field()]),
        Row::link(Mdev, "mdev_type", NEEDED)
            .into(&[mdev::TYPE.field()])
            .but(&[(&[Elsewhere], Changes(No))]),
        Row::link(Mdev, "iommu_group", NEEDED),
    ]
}
