//! Block devices.

use nodedev_types::Capability;
use nodedev_types::fields::{self, storage};

use super::check_live;
use crate::device::{Composer, kernel_device};

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
    let links = ["/dev/disk/by-id/ata-1", "/dev/disk/by-path/pci-0000:00:1f.2-ata-1's"];
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
