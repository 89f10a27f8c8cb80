//! A device of each kind, as the kernel shows it.

use nodedev_source_testkit::mock_host::Record;

pub(crate) const PCI: &str = "/sys/devices/pci0000:00/0000:00:02.0";
pub(crate) const MDEV: &str =
    "/sys/devices/pci0000:00/0000:00:02.0/11111111-2222-3333-4444-555555555555";
pub(crate) const MTTY: &str = "/sys/devices/virtual/mtty/mtty";
pub(crate) const SUBCHANNEL: &str = "/sys/devices/css0/0.0.0052";

pub(crate) const FC: &str = "/sys/devices/fc/host7";

/// What the classes say of the adapter at [`FC`].
pub(crate) fn fibre_channel() -> [Record; 2] {
    [
        Record::new(&format!("{FC}/scsi_host/host7"), "scsi_host").attribute("unique_id", "1\n"),
        Record::new(&format!("{FC}/fc_host/host7"), "fc_host")
            .attribute("node_name", "0x20000000c9831b4b\n")
            .attribute("port_name", "0x10000000c9831b4b\n")
            .attribute("vport_create", "")
            .attribute("max_npiv_vports", "127\n")
            .attribute("npiv_vports_inuse", "0\n"),
    ]
}

pub(crate) fn pci(path: &str) -> Record {
    Record::new(path, "pci")
        .property("PCI_CLASS", "30000")
        .bytes("config", &[0; 64])
        .attribute("vendor", "0x8086\n")
        .attribute("device", "0x1234\n")
        .attribute("numa_node", "0\n")
        .link("driver", "/sys/bus/pci/drivers/i915")
}

pub(crate) fn pci_with_types(path: &str) -> Record {
    pci(path)
        .attribute("mdev_supported_types/i915-a/name", "A\n")
        .attribute("mdev_supported_types/i915-a/device_api", "vfio-pci\n")
        .attribute("mdev_supported_types/i915-a/available_instances", "2\n")
}

pub(crate) fn net(name: &str) -> Record {
    Record::new(&format!("/sys/devices/virtual/net/{name}"), "net")
        .property("INTERFACE", name)
        .property("IFINDEX", "7")
        .attribute("address", "02:00:00:00:00:07\n")
        .attribute("addr_len", "6\n")
        .attribute("operstate", "up\n")
        .attribute("speed", "1000\n")
}

pub(crate) fn disk(name: &str) -> Record {
    Record::new(&format!("/sys/devices/x/block/{name}"), "block")
        .property("DEVTYPE", "disk")
        .property("DEVNAME", &format!("/dev/{name}"))
        .property("MAJOR", "8")
        .property("MINOR", "0")
        .property("ID_TYPE", "disk")
        .property("ID_SERIAL", "S-1")
        .attribute("size", "1000\n")
        .attribute("queue/logical_block_size", "512\n")
        .devlink("disk/by-id/z")
        .devlink("disk/by-id/a")
}

pub(crate) fn mdev(path: &str) -> Record {
    Record::new(path, "mdev")
        .link("mdev_type", "../mdev_supported_types/i915-a")
        .link("iommu_group", "../../../../kernel/iommu_groups/12")
}

pub(crate) fn subchannel(driver: Option<&str>) -> Record {
    let record = Record::new(SUBCHANNEL, "css");
    match driver {
        Some(driver) => record
            .property("DRIVER", driver)
            .link("driver", &format!("/sys/bus/css/drivers/{driver}")),
        None => record,
    }
}

/// One of each kind, with its capability.
pub(crate) fn zoo() -> Vec<(&'static str, Record)> {
    let usb = "/sys/devices/pci0000:00/0000:00:14.0/usb1";
    let scsi = "/sys/devices/x/host0";
    vec![
        ("pci", pci_with_types(PCI)),
        (
            "usb_device",
            Record::new(usb, "usb")
                .property("DEVTYPE", "usb_device")
                .property("BUSNUM", "001")
                .property("DEVNUM", "001")
                .property("ID_VENDOR_ID", "1d6b")
                .property("ID_MODEL_ID", "0002"),
        ),
        (
            "usb",
            Record::new(&format!("{usb}/1-0:1.0"), "usb")
                .property("DEVTYPE", "usb_interface")
                .attribute("bInterfaceClass", "09\n"),
        ),
        ("net", net("eth0")),
        (
            "scsi_host",
            Record::new(&format!("{scsi}/scsi_host/host0"), "scsi_host")
                .property("DEVTYPE", "scsi_host")
                .attribute("unique_id", "3\n"),
        ),
        (
            "scsi_target",
            Record::new(&format!("{scsi}/target0:0:0"), "scsi").property("DEVTYPE", "scsi_target"),
        ),
        (
            "scsi",
            Record::new(&format!("{scsi}/target0:0:0/0:0:0:0"), "scsi")
                .property("DEVTYPE", "scsi_device")
                .attribute("type", "0\n"),
        ),
        ("storage", disk("sda")),
        (
            "scsi_generic",
            Record::new("/sys/devices/x/scsi_generic/sg0", "scsi_generic")
                .property("DEVNAME", "/dev/sg0")
                .property("MAJOR", "21")
                .property("MINOR", "0"),
        ),
        (
            "drm",
            Record::new("/sys/devices/x/drm/renderD128", "drm")
                .property("DEVTYPE", "drm_minor")
                .property("DEVNAME", "/dev/dri/renderD128")
                .property("MAJOR", "226")
                .property("MINOR", "128"),
        ),
        (
            "mdev_types",
            Record::new(MTTY, "mtty")
                .attribute("mdev_supported_types/mtty-1/device_api", "vfio-pci\n")
                .attribute("mdev_supported_types/mtty-1/available_instances", "24\n"),
        ),
        ("mdev", mdev(MDEV)),
        ("css", subchannel(Some("vfio_ccw"))),
        ("ccw", Record::new("/sys/devices/css0/0.0.0053/0.0.ff02", "ccw")),
        (
            "ccwgroup",
            Record::new("/sys/devices/qeth/0.0.bd00", "ccwgroup")
                .property("DEVTYPE", "qeth_layer2")
                .link("cdev0", "/sys/devices/css0/0.0.0053/0.0.ff02"),
        ),
        ("vdpa", Record::new("/sys/devices/vdpa0", "vdpa")),
        ("ap_card", Record::new("/sys/devices/ap/card0a", "ap").property("DEVTYPE", "ap_card")),
        (
            "ap_queue",
            Record::new("/sys/devices/ap/card0a/0a.00f3", "ap").property("DEVTYPE", "ap_queue"),
        ),
        ("ap_matrix", Record::new("/sys/devices/vfio_ap/matrix", "matrix")),
    ]
}
