//! Devices and their documents, which are files beside this one: one test per kind and peculiarity.
//! Every document is also read and written again.

use std::fs;
use std::path::PathBuf;

use nodedev_types::fields::{
    self, drm, mdev, net, pci, scsi, scsi_generic, scsi_host, scsi_target, storage, system, usb,
    usb_device,
};
use nodedev_types::{Capability, Device, DeviceId, MdevAttribute, MdevType, PciAddress};
use nodedev_xml::{Form, read, write, write_to};

use crate::device::{Composer, device, kernel_device, of_document};

const UUID: &str = "11111111-2222-3333-4444-555555555555";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden")
}

/// The device prints as the file of that name.
fn check(name: &str, device: &Device, form: Form) {
    let path = folder().join(name).with_extension("xml");
    let expected =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let printed = write(device, form);
    assert_eq!(printed, expected, "{name}: printed {printed}");
}

fn check_live(name: &str, composer: Composer) {
    check(name, &composer.build(), Form::Live);
}

#[test]
fn every_document_is_read_and_written_again() {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let document = read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let form = document.form;
        assert_eq!(
            write(&of_document(document), form),
            text,
            "{}",
            path.display()
        );
        names.push(path);
    }
    assert!(names.len() >= 30, "only {names:?}");
}

fn computer() -> Composer {
    device("computer", DeviceId::Computer)
        .without_parent()
        .with(fields::device::CAPABILITY, Capability::System)
}

#[test]
fn system_with_everything() {
    let computer = computer()
        .with(system::PRODUCT, "Standard PC (Q35 + ICH9, 2009)")
        .with(system::HARDWARE_VENDOR, "QEMU")
        .with(system::HARDWARE_VERSION, "pc-q35-7.2")
        .with(system::HARDWARE_SERIAL, "S/N 1")
        .with(
            system::HARDWARE_UUID,
            "38d89b08-2154-480b-9e74-50d086d60cd0",
        )
        .with(system::FIRMWARE_VENDOR, "SeaBIOS")
        .with(system::FIRMWARE_VERSION, "1.16.2-debian-1.16.2-1")
        .with(system::FIRMWARE_RELEASE_DATE, "04/01/2014");
    check_live("system", computer);
}

#[test]
fn system_prints_empty_blocks_and_a_zero_uuid() {
    check_live("system-without-dmi", computer());
}

#[test]
fn the_computer_has_the_same_inactive_form() {
    check("system-without-dmi", &computer().build(), Form::Inactive);
}

fn mdev_type(id: &str, name: Option<&str>, available_instances: u64) -> MdevType {
    MdevType {
        id: id.to_owned(),
        name: name.map(str::to_owned),
        device_api: "vfio-pci".to_owned(),
        available_instances,
    }
}

#[test]
fn pci_with_mdev_types_in_their_own_order() {
    let path = "/sys/devices/pci0000:00/0000:00:02.0";
    let types = vec![
        mdev_type("i915-GVTg_V5_8", Some("GVTg & V5"), 3),
        mdev_type("i915-GVTg_V5_4", None, 0),
    ];
    let gpu = kernel_device("pci_0000_00_02_0", Capability::Pci, path)
        .with(fields::device::DRIVER, "i915")
        .with(pci::CLASS, 0x03_0000_u64)
        .with(pci::ADDRESS, pci_address(0, 0, 31, 7))
        .with(pci::PRODUCT_ID, 0x0412_u64)
        .with(pci::PRODUCT_NAME, "Graphics <4th Gen>")
        .with(pci::VENDOR_ID, 0x8086_u64)
        .with(pci::VENDOR_NAME, "Intel Corporation")
        .with(fields::mdev_types::TYPES, types)
        .with(pci::NUMA_NODE, 1_u64);
    check_live("pci", gpu);
}

const fn pci_address(domain: u32, bus: u8, slot: u8, function: u8) -> PciAddress {
    PciAddress {
        domain,
        bus,
        slot,
        function,
    }
}

#[test]
fn pci_without_a_name_ends_the_tag_and_an_empty_name_does_not() {
    let path = "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:10.7";
    let function = kernel_device("pci_10000_e1_10_7", Capability::Pci, path)
        .below("pci_0000_00_0e_0")
        .with(pci::CLASS, 0xff_ffff_u64)
        .with(pci::ADDRESS, pci_address(0x1_0000, 0xe1, 0x10, 7))
        .with(pci::PRODUCT_ID, 0x0d57_u64)
        .with(pci::VENDOR_ID, 0x8086_u64)
        .with(pci::VENDOR_NAME, "");
    check_live("pci-without-names", function);
}

#[test]
fn usb_device_without_a_name_has_a_blank_before_the_slash() {
    let path = "/sys/devices/pci0000:00/0000:00:14.0/usb1";
    let hub = kernel_device("usb_usb1", Capability::UsbDevice, path)
        .below("pci_0000_00_14_0")
        .with(fields::device::DEVNODE, "/dev/bus/usb/001/010")
        .with(fields::device::DRIVER, "usb")
        .with(usb_device::BUS, 1_u64)
        .with(usb_device::DEVICE, 10_u64)
        .with(usb_device::PRODUCT_ID, 2_u64)
        .with(usb_device::VENDOR_ID, 0x1d6b_u64)
        .with(usb_device::VENDOR_NAME, "ACME <&> \"q\"");
    check_live("usb_device", hub);
}

#[test]
fn usb_device_with_empty_names_prints_them() {
    let path = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.4";
    let stick = kernel_device("usb_1_2_4", Capability::UsbDevice, path)
        .below("usb_1_2")
        .with(usb_device::BUS, 1_u64)
        .with(usb_device::DEVICE, 2_u64)
        .with(usb_device::PRODUCT_ID, 1_u64)
        .with(usb_device::PRODUCT_NAME, "")
        .with(usb_device::VENDOR_ID, 0xabcd_u64)
        .with(usb_device::VENDOR_NAME, "");
    check_live("usb_device-with-empty-names", stick);
}

#[test]
fn usb_interface_numbers_are_decimal() {
    let path = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-0:1.0";
    let interface = kernel_device("usb_1_0_1_0", Capability::Usb, path)
        .below("usb_usb1")
        .with(fields::device::DRIVER, "hub")
        .with(usb::NUMBER, 0_u64)
        .with(usb::CLASS, 0xff_u64)
        .with(usb::SUBCLASS, 6_u64)
        .with(usb::PROTOCOL, 0x50_u64);
    check_live("usb", interface);
}

#[test]
fn net_of_unknown_speed_prints_it_unsigned() {
    let path = "/sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0";
    let eth0 = kernel_device("net_eth0_02_fc_00_00_00_01", Capability::Net, path)
        .below("pci_0000_00_03_0")
        .with(net::INTERFACE, "eth0")
        .with(net::ADDRESS, "02:fc:00:00:00:01")
        .with(net::LINK_SPEED, 4_294_967_295_u64)
        .with(net::LINK_STATE, "up")
        .with(net::SUBTYPE, "80203");
    check_live("net-of-unknown-speed", eth0);
}

#[test]
fn net_without_speed_has_the_state_alone() {
    let path = "/sys/devices/virtual/net/lo";
    let lo = kernel_device("net_lo_00_00_00_00_00_00", Capability::Net, path)
        .with(net::INTERFACE, "lo")
        .with(net::ADDRESS, "00:00:00:00:00:00")
        .with(net::LINK_STATE, "unknown")
        .with(net::SUBTYPE, "80203");
    check_live("net-loopback", lo);
}

#[test]
fn net_without_address_leaves_it_out() {
    let path = "/sys/devices/virtual/mac80211_hwsim/hwsim0/net/wlan0";
    let wlan0 = kernel_device("net_wlan0", Capability::Net, path)
        .with(net::INTERFACE, "wlan0")
        .with(net::LINK_SPEED, 54_u64)
        .with(net::LINK_STATE, "up")
        .with(net::SUBTYPE, "80211");
    check_live("net-wireless-without-address", wlan0);
}

#[test]
fn scsi_host_with_and_without_unique_id() {
    let path = "/sys/devices/pci0000:00/0000:00:07.0/virtio2/host4";
    let host = || {
        kernel_device("scsi_host4", Capability::ScsiHost, path)
            .below("pci_0000_00_07_0")
            .with(scsi_host::HOST, 4_u64)
    };
    check_live("scsi_host", host().with(scsi_host::UNIQUE_ID, 0_u64));
    check_live("scsi_host-without-unique-id", host());
}

#[test]
fn scsi_target_has_its_own_name() {
    let path = "/sys/devices/pci0000:00/0000:00:07.0/virtio2/host4/target4:0:0";
    let target = kernel_device("scsi_target4_0_0", Capability::ScsiTarget, path)
        .below("scsi_host4")
        .with(scsi_target::TARGET, "target4:0:0");
    check_live("scsi_target", target);
}

#[test]
fn scsi_unit_with_a_type() {
    let path = "/sys/devices/pci0000:00/0000:00:07.0/virtio2/host4/target4:0:1/4:0:1:16384";
    let unit = kernel_device("scsi_4_0_1_16384", Capability::Scsi, path)
        .below("scsi_target4_0_1")
        .with(fields::device::DRIVER, "sd")
        .with(scsi::HOST, 4_u64)
        .with(scsi::BUS, 0_u64)
        .with(scsi::TARGET, 1_u64)
        .with(scsi::LUN, 16384_u64)
        .with(scsi::TYPE, "disk");
    check_live("scsi", unit);
}

#[test]
fn scsi_unit_of_unknown_type_leaves_it_out() {
    let path = "/sys/devices/pci0000:00/0000:00:07.0/virtio2/host4/target4:0:1/4:0:1:0";
    let unit = kernel_device("scsi_4_0_1_0", Capability::Scsi, path)
        .below("scsi_target4_0_1")
        .with(scsi::HOST, 4_u64)
        .with(scsi::BUS, 0_u64)
        .with(scsi::TARGET, 1_u64)
        .with(scsi::LUN, 0_u64);
    check_live("scsi-of-unknown-type", unit);
}

#[test]
fn scsi_generic_has_its_character_device() {
    let path = "/sys/devices/pci0000:00/0000:00:07.0/virtio2/host4/target4:0:1/4:0:1:0/\
                scsi_generic/sg0";
    let sg0 = kernel_device("scsi_generic_sg0", Capability::ScsiGeneric, path)
        .below("scsi_4_0_1_0")
        .with(fields::device::DEVNODE, "/dev/sg0")
        .with(scsi_generic::CHAR, "/dev/sg0");
    check_live("scsi_generic", sg0);
}

fn disk(name: &str, path: &str, node: &str, drive_type: &str) -> Composer {
    kernel_device(name, Capability::Storage, path)
        .with(fields::device::DEVNODE, node)
        .with(storage::BLOCK, node)
        .with(storage::DRIVE_TYPE, drive_type)
}

#[test]
fn storage_without_model_or_serial_leaves_them_out() {
    let path = "/sys/devices/pci0000:00/0000:00:0a.0/virtio3/block/vda";
    let vda = disk("block_vda", path, "/dev/vda", "disk")
        .below("pci_0000_00_0a_0")
        .with(storage::VENDOR, "0x1af4")
        .with(storage::SIZE, 16_777_216_u64)
        .with(storage::LOGICAL_BLOCK_SIZE, 512_u64)
        .with(storage::NUM_BLOCKS, 32_768_u64);
    check_live("storage-virtio", vda);
}

#[test]
fn storage_keeps_leading_blanks_and_the_order_of_links() {
    let path = "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda";
    let links = [
        "/dev/disk/by-id/ata-1",
        "/dev/disk/by-path/pci-0000:00:1f.2-ata-1's",
    ];
    let sda = disk("block_sda_SER_IAL_1_2", path, "/dev/sda", "disk")
        .below("scsi_0_0_0_0")
        .with(fields::device::DEVLINKS, links.map(str::to_owned).to_vec())
        .with(storage::BUS, "ata")
        .with(storage::MODEL, "DISK 1")
        .with(storage::VENDOR, "  ATA")
        .with(storage::SERIAL, "SER IAL.1-2")
        .with(storage::REMOVABLE, false)
        .with(storage::SIZE, 4_096_000_u64)
        .with(storage::LOGICAL_BLOCK_SIZE, 4096_u64)
        .with(storage::NUM_BLOCKS, 1000_u64);
    check_live("storage-with-links", sda);
}

fn cdrom() -> Composer {
    let path = "/sys/devices/pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0/block/sr0";
    disk("block_sr0", path, "/dev/sr0", "cdrom")
        .below("scsi_1_0_0_0")
        .with(storage::REMOVABLE, true)
}

#[test]
fn a_removable_drive_without_a_medium_prints_zeroes_and_no_blocks() {
    check_live("storage-cdrom-without-medium", cdrom());
    let said = cdrom()
        .with(storage::MEDIA_AVAILABLE, false)
        .with(storage::MEDIA_SIZE, 0_u64)
        .with(storage::LOGICAL_BLOCK_SIZE, 0_u64)
        .with(storage::NUM_BLOCKS, 0_u64)
        .with(storage::SIZE, 7_u64);
    check_live("storage-cdrom-without-medium", said);
}

#[test]
fn a_medium_has_its_size_label_and_blocks_inside() {
    let loaded = cdrom()
        .with(storage::MEDIA_AVAILABLE, true)
        .with(storage::MEDIA_SIZE, 4_096_000_u64)
        .with(storage::MEDIA_LABEL, "My_Label")
        .with(storage::LOGICAL_BLOCK_SIZE, 2048_u64)
        .with(storage::NUM_BLOCKS, 2000_u64);
    check_live("storage-cdrom", loaded);
}

#[test]
fn a_floppy_that_is_not_removable_has_size_zero_and_no_blocks() {
    let path = "/sys/devices/platform/floppy.0/block/fd0";
    let fd0 = disk("block_fd0", path, "/dev/fd0", "floppy").with(storage::REMOVABLE, false);
    check_live("storage-floppy-not-removable", fd0);
}

#[test]
fn a_block_size_of_zero_is_printed_beside_a_count() {
    let path = "/sys/devices/css0/0.0.0001/0.0.1f00/block/dasda";
    let name = "block_dasda_IBM_750000000ABCD1_1f00_00";
    let dasda = disk(name, path, "/dev/dasda", "dasd")
        .below("ccw_0_0_1f00")
        .with(storage::BUS, "ccw")
        .with(storage::SERIAL, "IBM.750000000ABCD1.1f00.00")
        .with(storage::SIZE, 0_u64)
        .with(storage::NUM_BLOCKS, 10_u64);
    check_live("storage-dasd-without-block-size", dasda);
}

#[test]
fn drm_has_the_kind_of_its_minor() {
    let path = "/sys/devices/pci0000:00/0000:00:02.0/drm/renderD128";
    let links = vec!["/dev/dri/by-path/pci-0000:00:02.0-render".to_owned()];
    let render = kernel_device("drm_renderD128", Capability::Drm, path)
        .below("pci_0000_00_02_0")
        .with(fields::device::DEVNODE, "/dev/dri/renderD128")
        .with(fields::device::DEVLINKS, links)
        .with(drm::TYPE, "render");
    check_live("drm", render);
}

#[test]
fn a_parent_of_its_own_kind_prints_the_types_nested() {
    let path = "/sys/devices/virtual/mtty/mtty";
    let mtty = || kernel_device("mtty_mtty", Capability::MdevTypes, path);
    let types = vec![
        mdev_type("mtty-2", Some("Dual port serial"), 12),
        mdev_type("mtty-1", Some("Single port serial"), 24),
    ];
    check_live("mdev_types", mtty().with(fields::mdev_types::TYPES, types));
    check_live("mdev_types-without-types", mtty());
    check_live(
        "mdev_types-without-types",
        mtty().with(fields::mdev_types::TYPES, vec![]),
    );
}

fn attributes<const N: usize>(attributes: [(&str, &str); N]) -> Vec<MdevAttribute> {
    attributes
        .map(|(name, value)| MdevAttribute {
            name: name.to_owned(),
            value: value.to_owned(),
        })
        .to_vec()
}

/// Active as `foo-1` and defined as `foo-2`.
fn mdev_of_two_types() -> Composer {
    let path = format!("/sys/devices/pci0000:00/0000:00:02.0/{UUID}");
    let defined = [
        ("assign_adapter", "5"),
        ("assign_adapter", "6"),
        ("empty", ""),
    ];
    device(
        "mdev_11111111_2222_3333_4444_555555555555_0000_00_02_0",
        DeviceId::mdev(UUID, "0000:00:02.0"),
    )
    .below("pci_0000_00_02_0")
    .with(fields::device::CAPABILITY, Capability::Mdev)
    .with(fields::device::PATH, path)
    .with(fields::device::DRIVER, "vfio_mdev")
    .with(mdev::UUID, UUID)
    .with(mdev::PARENT_ADDR, "0000:00:02.0")
    .with(mdev::TYPE, "foo-1")
    .with(mdev::IOMMU_GROUP, 12_u64)
    .with(mdev::ATTRIBUTES, attributes([("live", "1")]))
    .with(mdev::DEFINED_TYPE, "foo-2")
    .with(mdev::DEFINED_ATTRIBUTES, attributes(defined))
}

#[test]
fn an_active_mdev_prints_what_runs_or_what_is_defined() {
    let mdev = mdev_of_two_types().build();
    check("mdev-live", &mdev, Form::Live);
    check("mdev-inactive", &mdev, Form::Inactive);
}

#[test]
fn a_device_that_is_not_active_takes_the_inactive_form() {
    let mdev = mdev_of_two_types().defined_only().build();
    check("mdev-inactive", &mdev, Form::Live);
    check("mdev-inactive", &mdev, Form::Inactive);
}

/// Where libvirt prints them as they are.
#[test]
fn attributes_of_an_mdev_are_escaped() {
    let definition = device(
        "mdev_11111111_2222_3333_4444_555555555555_0000_99_00_0",
        DeviceId::mdev(UUID, "0000:99:00.0"),
    )
    .defined_only()
    .with(fields::device::CAPABILITY, Capability::Mdev)
    .with(mdev::UUID, UUID)
    .with(mdev::PARENT_ADDR, "0000:99:00.0")
    .with(mdev::DEFINED_TYPE, "foo-1")
    .with(mdev::DEFINED_ATTRIBUTES, attributes([("a<b", "x&y")]));
    check_live("mdev-definition-only", definition);
}

#[test]
fn an_mdev_without_a_type_leaves_it_out() {
    let definition = device(
        "mdev_not_a_uuid_matrix",
        DeviceId::mdev("not-a-uuid", "matrix"),
    )
    .defined_only()
    .below("ap_matrix")
    .with(fields::device::CAPABILITY, Capability::Mdev)
    .with(mdev::UUID, "not-a-uuid")
    .with(mdev::PARENT_ADDR, "matrix");
    check_live("mdev-without-type", definition);
}

#[test]
fn a_device_without_a_capability_has_no_such_element() {
    let slot = device("acme_slot_7", DeviceId::foreign("acme", "slot 7"));
    check_live("foreign-without-capability", slot);
}

#[test]
fn a_buffer_is_appended_to() {
    let slot = device("acme_slot_7", DeviceId::foreign("acme", "slot 7")).build();
    let mut text = String::from("before\n");
    write_to(&mut text, &slot, Form::Live);
    assert_eq!(text, format!("before\n{}", write(&slot, Form::Live)));
}
