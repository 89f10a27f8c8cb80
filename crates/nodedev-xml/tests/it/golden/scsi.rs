//! SCSI hosts, targets, units and generic devices.

use nodedev_types::Capability;
use nodedev_types::fields::{self, scsi, scsi_generic, scsi_host, scsi_target};

use super::check_live;
use crate::device::kernel_device;

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
fn scsi_host_behind_fibre_channel() {
    let path = "/sys/devices/pci0000:00/0000:00:03.0/host1";
    let host = kernel_device("scsi_host1", Capability::ScsiHost, path)
        .below("pci_0000_00_03_0")
        .with(scsi_host::HOST, 1_u64)
        .with(scsi_host::UNIQUE_ID, 1_u64)
        .with(scsi_host::WWNN, "20000000c9000001")
        .with(scsi_host::WWPN, "10000000c9000001")
        .with(scsi_host::FABRIC_WWN, "2001000000000001")
        .with(scsi_host::MAX_VPORTS, 127_u64)
        .with(scsi_host::VPORTS, 1_u64);
    check_live("scsi_host-fc", host);
    let path = format!("{path}/vport-1:0-0/host3");
    let vport = kernel_device("scsi_host3", Capability::ScsiHost, &path)
        .below("scsi_host1")
        .with(scsi_host::HOST, 3_u64)
        .with(scsi_host::UNIQUE_ID, 3_u64)
        .with(scsi_host::WWNN, "20000000c9000001")
        .with(scsi_host::WWPN, "10000000c9000003")
        .with(scsi_host::FABRIC_WWN, "ffffffffffffffff");
    check_live("scsi_host-fc-without-vports", vport);
}

#[test]
fn scsi_target_behind_a_remote_port() {
    let path = "/sys/devices/pci0000:00/0000:00:03.0/host1/rport-1:0-0/target1:0:0";
    let target = kernel_device("scsi_target1_0_0", Capability::ScsiTarget, path)
        .below("scsi_host1")
        .with(scsi_target::TARGET, "target1:0:0")
        .with(scsi_target::RPORT, "rport-1:0-0")
        .with(scsi_target::WWPN, "0x5000000000000001");
    check_live("scsi_target-fc", target);
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
