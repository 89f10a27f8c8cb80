//! The offload features of a network interface by libvirt's names, in its order.

use std::sync::Arc;

use nodedev_types::{PciAddress, Texts};

use crate::network::{ActiveFeatures, NoAnswer};
use crate::reading::{Reading, Refusal};

/// libvirt's name, and the kernel's features of which one is enough.
const BY_NAME: [(&str, &[&str]); 11] = [
    ("rx", &["rx-checksum"]),
    (
        "tx",
        &[
            "tx-checksum-ipv4",
            "tx-checksum-ipv6",
            "tx-checksum-ip-generic",
            "tx-checksum-fcoe-crc",
            "tx-checksum-sctp",
        ],
    ),
    ("sg", &["tx-scatter-gather", "tx-scatter-gather-fraglist"]),
    (
        "tso",
        &[
            "tx-tcp-segmentation",
            "tx-tcp6-segmentation",
            "tx-tcp-ecn-segmentation",
            "tx-tcp-mangleid-segmentation",
        ],
    ),
    ("gso", &["tx-generic-segmentation"]),
    ("gro", &["rx-gro"]),
    ("lro", &["rx-lro"]),
    ("rxvlan", &["rx-vlan-hw-parse"]),
    ("txvlan", &["tx-vlan-hw-insert"]),
    ("ntuple", &["rx-ntuple-filter"]),
    ("rxhash", &["rx-hashing"]),
];

/// libvirt knows this feature by the number that it had in older kernels.
const UDP_TUNNEL: (&str, u32) = ("txudptnl", 25);

const INFINIBAND: &str = "/sys/class/infiniband";

/// Those that are on. An interface of which the kernel refuses to tell has none of its own.
pub(super) fn features(reading: &mut Reading<'_>, interface: &str) -> Result<Texts, Refusal> {
    let (rdma, switchdev) = of_device(reading, interface)?;
    let active = reading.network.active_features(interface).map_err(held(reading, "ethtool"))?;
    Ok(in_order(&active.unwrap_or_default(), rdma, switchdev))
}

fn held(reading: &Reading<'_>, whom: &'static str) -> impl Fn(NoAnswer) -> Refusal {
    move |why| reading.held(whom, why.to_string())
}

/// The same of an interface that is known to be there: it is no longer, if the kernel refuses.
pub(super) fn known_features(
    reading: &mut Reading<'_>,
    interface: &str,
    is_virtual: bool,
) -> Result<Texts, Refusal> {
    // One that belongs to no device has none of a device.
    let (rdma, switchdev) =
        if is_virtual { (false, false) } else { of_device(reading, interface)? };
    let active = reading.network.active_features(interface).map_err(held(reading, "ethtool"))?;
    let active = active.ok_or(Refusal::Vanished)?;
    Ok(in_order(&active, rdma, switchdev))
}

/// Those of the device that the interface belongs to. First: what is asked of the interface itself is held by the
/// same lock as the files that are read next.
fn of_device(reading: &mut Reading<'_>, interface: &str) -> Result<(bool, bool), Refusal> {
    Ok((rdma(reading, interface)?, switchdev(reading, interface)?))
}

fn in_order(active: &ActiveFeatures, rdma: bool, switchdev: bool) -> Texts {
    active.shown([rdma, switchdev], || {
        names(&active.named, rdma, switchdev).map(str::to_owned).collect()
    })
}

fn names(
    active: &[(u32, Arc<str>)],
    rdma: bool,
    switchdev: bool,
) -> impl Iterator<Item = &'static str> {
    let mut on = [false; BY_NAME.len()];
    for (_, name) in active {
        let place = BY_NAME.iter().position(|(_, names)| names.contains(&&**name));
        if let Some(on) = place.and_then(|place| on.get_mut(place)) {
            *on = true;
        }
    }
    let by_name = BY_NAME.iter().zip(on).filter_map(|((name, _), on)| on.then_some(*name));
    let udp_tunnel = active.iter().any(|(number, _)| *number == UDP_TUNNEL.1);
    let others = [("rdma", rdma), (UDP_TUNNEL.0, udp_tunnel), ("switchdev", switchdev)];
    let others = others.into_iter().filter_map(|(name, is_on)| is_on.then_some(name));
    by_name.chain(others)
}

/// Whether an InfiniBand device has the same resources: it is another face of the same function.
fn rdma(reading: &mut Reading<'_>, interface: &str) -> Result<bool, Refusal> {
    let Some(others) = reading.files.entries(INFINIBAND) else {
        if reading.files.exists(INFINIBAND) {
            return Err(reading.unreadable(INFINIBAND, "cannot be listed"));
        }
        return Ok(false);
    };
    if others.is_empty() {
        return Ok(false);
    }
    let own = reading.contents(&format!("/sys/class/net/{interface}/device/resource"))?;
    let Some(own) = own else {
        return Ok(false);
    };
    for other in others {
        let resource = format!("{INFINIBAND}/{other}/device/resource");
        if reading.contents(&resource)?.is_some_and(|other| other == own) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The switch is that of the physical function, whichever function the interface is on.
fn switchdev(reading: &Reading<'_>, interface: &str) -> Result<bool, Refusal> {
    let device = format!("/sys/class/net/{interface}/device");
    let Some(own) = reading.files.link_name(&device) else {
        return Ok(false);
    };
    let physical = reading.files.link_name(&format!("{device}/physfn"));
    let function = physical.unwrap_or(own);
    if function.parse::<PciAddress>().is_err() {
        return Ok(false);
    }
    reading.network.is_switchdev(&function).map_err(held(reading, "devlink"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use crate::scratch::{NoNames, Scratch};

    struct Fixed(&'static [(u32, &'static str)]);

    impl Network for Fixed {
        fn active_features(
            &self,
            interface: &str,
        ) -> Result<Option<Arc<ActiveFeatures>>, NoAnswer> {
            assert_eq!(interface, "eth0");
            let named = self.0.iter().map(|(number, name)| (*number, (*name).into()));
            Ok(Some(ActiveFeatures::new(named.collect()).into()))
        }

        fn is_switchdev(&self, pci_address: &str) -> Result<bool, NoAnswer> {
            Ok(pci_address == "0000:3b:00.0")
        }
    }

    /// A kernel that answers nothing.
    struct Silent;

    impl Network for Silent {
        fn active_features(&self, _: &str) -> Result<Option<Arc<ActiveFeatures>>, NoAnswer> {
            Err(NoAnswer)
        }

        fn is_switchdev(&self, _: &str) -> Result<bool, NoAnswer> {
            Err(NoAnswer)
        }
    }

    fn interface() -> Scratch {
        Scratch::new("/sys/devices/x/net/eth0").subsystem("net")
    }

    fn of(scratch: &Scratch, active: &'static [(u32, &'static str)]) -> Vec<String> {
        let network = Fixed(active);
        let mut reading = Reading::new(&scratch.device, scratch, &NoNames).with_network(&network);
        features(&mut reading, "eth0").unwrap().to_vec()
    }

    #[test]
    fn features_have_libvirt_s_names_and_order() {
        assert!(of(&interface(), &[]).is_empty());
        let active = [
            (26, "tx-udp_tnl-segmentation"),
            (25, "tx-ipxip6-segmentation"),
            (35, "rx-hashing"),
            (8, "rx-vlan-hw-parse"),
            (3, "tx-checksum-ip-generic"),
            (40, "rx-checksum"),
            (5, "highdma"),
        ];
        let names = of(&interface(), Vec::from(active).leak());
        assert_eq!(names, ["rx", "tx", "rxvlan", "rxhash", "txudptnl"]);
        assert!(of(&interface(), &[(26, "tx-udp_tnl-segmentation")]).is_empty());
        assert_eq!(of(&interface(), &[(20, "tx-tcp6-segmentation")]), ["tso"]);
        assert_eq!(of(&interface(), &[(6, "tx-scatter-gather-fraglist")]), ["sg"]);
    }

    #[test]
    fn an_infiniband_device_with_the_same_resources_is_rdma() {
        let infiniband = |resource: &str| {
            interface()
                .attribute("/sys/class/net/eth0/device/resource", "0x1 0x2\n")
                .directory(INFINIBAND, &["mlx5_0", "mlx5_1"])
                .attribute("/sys/class/infiniband/mlx5_0/device/resource", "0x3\n")
                .attribute("/sys/class/infiniband/mlx5_1/device/resource", resource)
        };
        assert_eq!(of(&infiniband("0x1 0x2\n"), &[(14, "rx-gro")]), ["gro", "rdma"]);
        assert!(of(&infiniband("0x1 0x3\n"), &[]).is_empty());
        assert!(of(&interface().directory(INFINIBAND, &["mlx5_0"]), &[]).is_empty());
        let closed = interface().link(INFINIBAND, "/nowhere");
        let mut reading = Reading::new(&closed.device, &closed, &NoNames);
        assert!(features(&mut reading, "eth0").is_err());
    }

    #[test]
    fn that_the_kernel_gives_no_answer_says_nothing_of_the_interface() {
        let scratch = interface().link("/sys/class/net/eth0/device", "/sys/devices/x/0000:3b:00.0");
        let mut reading = Reading::new(&scratch.device, &scratch, &NoNames).with_network(&Silent);
        let refusals = [
            switchdev(&reading, "eth0").unwrap_err(),
            features(&mut reading, "eth0").unwrap_err(),
            known_features(&mut reading, "eth0", true).unwrap_err(),
        ];
        for (refusal, whom) in refusals.into_iter().zip(["devlink", "devlink", "ethtool"]) {
            assert!(matches!(refusal, Refusal::Held(why) if why.to_string().contains(whom)));
        }
    }

    #[test]
    fn the_switch_is_that_of_the_physical_function() {
        let on = |function: &str| interface().link("/sys/class/net/eth0/device", function);
        assert_eq!(of(&on("/sys/devices/x/0000:3b:00.0"), &[]), ["switchdev"]);
        assert!(of(&on("/sys/devices/x/0000:3b:00.1"), &[]).is_empty());
        assert!(of(&on("/sys/devices/x/virtio2"), &[]).is_empty());
        let virtual_function = on("/sys/devices/x/0000:3b:00.1")
            .link("/sys/class/net/eth0/device/physfn", "/sys/devices/x/0000:3b:00.0");
        assert_eq!(of(&virtual_function, &[]), ["switchdev"]);
    }
}
