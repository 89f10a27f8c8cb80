//! Virtio data-path acceleration.

use nodedev_types::Capability;
use nodedev_types::fields::{device, vdpa};

use super::check_live;
use crate::device::kernel_device;

#[test]
fn vdpa_with_and_without_a_character_device() {
    let bare = kernel_device("vdpa_vdpa0", Capability::Vdpa, "/sys/devices/virtual/vdpa/vdpa0");
    check_live("vdpa-without-chardev", bare);
    let path = "/sys/devices/virtual/vdpasim/vdpa1";
    let bound = kernel_device("vdpa_vdpa1", Capability::Vdpa, path)
        .with(device::DRIVER, "vhost_vdpa")
        .with(vdpa::CHARDEV, "/dev/vhost-vdpa-0");
    check_live("vdpa", bound);
}
