//! The kinds that only s390 has.

use nodedev_types::fields::{ap_card, ap_queue, ccw, ccwgroup, css, device, mdev_types};
use nodedev_types::{Capability, CcwgroupMember, DeviceName, MdevType};

use super::check_live;
use crate::device::{Composer, kernel_device};

fn channel_device(subchannel: &str, number: u64) -> Composer {
    let path = format!("/sys/devices/css0/0.0.{subchannel}/0.0.{number:04x}");
    kernel_device(&format!("ccw_0_0_{number:04x}"), Capability::Ccw, &path)
        .below(&format!("css_0_0_{subchannel}"))
        .with(ccw::CSSID, 0_u64)
        .with(ccw::SSID, 0_u64)
        .with(ccw::DEVNO, number)
}

#[test]
fn a_channel_device_has_a_state_and_a_group_where_it_has_them() {
    let member = channel_device("0010", 0xbd00)
        .with(device::DRIVER, "qeth")
        .with(ccw::STATE, "online")
        .with(ccw::GROUP_DEVICE, "ccwgroup_0_0_bd00");
    check_live("ccw", member);
    let console = channel_device("0031", 0x1235).with(device::DRIVER, "3215");
    check_live("ccw-of-unknown-state", console);
}

fn subchannel(number: u64) -> Composer {
    let path = format!("/sys/devices/css0/0.0.{number:04x}");
    kernel_device(&format!("css_0_0_{number:04x}"), Capability::Css, &path)
        .with(css::CSSID, 0_u64)
        .with(css::SSID, 0_u64)
        .with(css::DEVNO, number)
}

#[test]
fn a_subchannel_names_the_device_behind_it_and_what_it_can_make() {
    check_live("css-without-device", subchannel(0x32).with(device::DRIVER, "io_subchannel"));
    let types = vec![MdevType {
        id: "vfio_ccw-io".to_owned(),
        name: Some("I/O subchannel (Non-QDIO)".to_owned()),
        device_api: "vfio-ccw".to_owned(),
        available_instances: 1,
    }];
    let parent = subchannel(0x52)
        .with(device::DRIVER, "vfio_ccw")
        .with(css::CHANNEL_CSSID, 0_u64)
        .with(css::CHANNEL_SSID, 0_u64)
        .with(css::CHANNEL_DEVNO, 0x815_u64)
        .with(mdev_types::TYPES, types);
    check_live("css", parent);
}

#[test]
fn a_group_lists_its_members_and_its_card() {
    let members = ["cdev0", "cdev1", "cdev2"].map(|reference| CcwgroupMember {
        reference: reference.to_owned(),
        device: DeviceName::new(&reference.replace("cdev", "ccw_0_0_bd0")),
    });
    let path = "/sys/devices/qeth/0.0.bd00";
    let group = || {
        kernel_device("ccwgroup_0_0_bd00", Capability::Ccwgroup, path)
            .with(device::DRIVER, "qeth")
            .with(ccwgroup::STATE, "online")
            .with(ccwgroup::CSSID, 0_u64)
            .with(ccwgroup::SSID, 0_u64)
            .with(ccwgroup::DEVNO, 0xbd00_u64)
            .with(ccwgroup::MEMBERS, members.to_vec())
    };
    let card = group().with(ccwgroup::TYPE, "qeth_layer2");
    check_live("ccwgroup", card.with(ccwgroup::CARD_TYPE, "OSD_1000").with(ccwgroup::CHPID, "17"));
    // libvirt prints `(null)` for what it does not know, and does not escape the rest.
    let odd = group().with(ccwgroup::TYPE, "qeth_generic").with(ccwgroup::CARD_TYPE, "<&>");
    check_live("ccwgroup-of-odd-card", odd);
}

#[test]
fn crypto_devices_have_numbers() {
    let path = "/sys/devices/ap/card0a";
    let card =
        kernel_device("ap_card0a", Capability::ApCard, path).with(ap_card::AP_ADAPTER, 10_u64);
    check_live("ap_card", card);
    let queue = kernel_device("ap_0a_00f3", Capability::ApQueue, &format!("{path}/0a.00f3"))
        .below("ap_card0a")
        .with(ap_queue::AP_ADAPTER, 10_u64)
        .with(ap_queue::AP_DOMAIN, 0xf3_u64);
    check_live("ap_queue", queue);
    let types = vec![MdevType {
        id: "vfio_ap-passthrough".to_owned(),
        name: Some("VFIO AP Passthrough Device".to_owned()),
        device_api: "vfio-ap".to_owned(),
        available_instances: 65535,
    }];
    let path = "/sys/devices/vfio_ap/matrix";
    let matrix =
        kernel_device("ap_matrix", Capability::ApMatrix, path).with(mdev_types::TYPES, types);
    check_live("ap_matrix", matrix);
}
