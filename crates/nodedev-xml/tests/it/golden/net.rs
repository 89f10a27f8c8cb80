//! Network interfaces.

use nodedev_types::Capability;
use nodedev_types::fields::net;

use super::check_live;
use crate::device::kernel_device;

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
fn features_follow_the_link() {
    let path = "/sys/devices/pci0000:00/0000:00:03.0/virtio2/net/eth0";
    let features = ["rx", "tx", "sg", "tso", "gso", "gro"].map(str::to_owned).to_vec();
    let eth0 = kernel_device("net_eth0_02_00_00_00_00_01", Capability::Net, path)
        .below("pci_0000_00_03_0")
        .with(net::INTERFACE, "eth0")
        .with(net::ADDRESS, "02:00:00:00:00:01")
        .with(net::LINK_SPEED, 4_294_967_295_u64)
        .with(net::LINK_STATE, "up")
        .with(net::FEATURES, features)
        .with(net::SUBTYPE, "80203");
    check_live("net-with-features", eth0);
}
