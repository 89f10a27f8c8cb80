//! What events make of the list. Named after what libvirt does not do where that is the point.

use std::time::{Duration, Instant};

use nodedev_source::{NodeDeviceSource, SourceEvent};
use nodedev_source_testkit::mock_host::Record;
use nodedev_types::DeviceId;
use nodedev_types::fields::{
    device, mdev as mdev_fields, net as net_fields, pci as pci_fields,
    scsi_host as scsi_host_fields, scsi_target, vdpa,
};

use crate::kinds::{MDEV, MTTY, PCI, SUBCHANNEL, disk, mdev, net, pci, subchannel};
use crate::on_mock_host;
use crate::session::{Session, sysfs};

const ETH0: &str = "/sys/devices/virtual/net/eth0";
/// Longer than the coordinator needs for anything that it does at once.
const A_WHILE: Duration = Duration::from_millis(300);

on_mock_host! {
    async fn a_device_is_added_changed_and_removed(host) {
        let mut session = Session::start().await;
        host.add(net("eth0")).unwrap();
        session.until("eth0 is there", |s| s.knows(ETH0)).await;
        host.write(&format!("{ETH0}/address"), "02:00:00:00:00:08\n").unwrap();
        host.announce(ETH0, "change").unwrap();
        session.until("the address has changed", |s| {
            s.fields(ETH0).unwrap().get(net_fields::ADDRESS) == Some("02:00:00:00:00:08")
        }).await;
        host.remove(ETH0).unwrap();
        session.until("eth0 is gone", |s| !s.knows(ETH0)).await;
    }

    /// And its last state is what stands in the end.
    async fn a_device_that_changes_without_end_is_not_read_without_end(host) {
        host.add_silently(net("eth0")).unwrap();
        let mut session = Session::start().await;
        let begun = Instant::now();
        while begun.elapsed() < A_WHILE {
            host.announce(ETH0, "change").unwrap();
        }
        let longest = begun.elapsed();
        host.write(&format!("{ETH0}/address"), "02:00:00:00:00:09\n").unwrap();
        host.announce(ETH0, "change").unwrap();
        session.until("the last change is known", |s| {
            s.fields(ETH0).unwrap().get(net_fields::ADDRESS) == Some("02:00:00:00:00:09")
        }).await;
        let counters = session.source.counters();
        let count = |name: &str| counters.iter().find(|c| c.name() == name).unwrap().value();
        // One in 20 ms, some quicker ones at the begin, and whenever a reading met no change.
        let most = u64::try_from(longest.as_millis()).unwrap() / 20 * 3 + 20;
        assert!(count("received") > 4 * most, "no flood: {}", count("received"));
        assert!(count("readings") < most, "{} readings in {longest:?}", count("readings"));
    }

    async fn binding_and_unbinding_a_driver_is_seen(host) {
        host.add_silently(pci(PCI)).unwrap();
        let mut session = Session::start().await;
        assert_eq!(session.fields(PCI).unwrap().get(device::DRIVER), Some("i915"));
        host.clear(&format!("{PCI}/driver")).unwrap();
        host.announce(PCI, "unbind").unwrap();
        session.until("there is no driver", |s| {
            s.fields(PCI).unwrap().get(device::DRIVER).is_none()
        }).await;
        host.make_dir("/sys/bus/pci/drivers/vfio-pci").unwrap();
        host.link(&format!("{PCI}/driver"), "/sys/bus/pci/drivers/vfio-pci").unwrap();
        host.announce(PCI, "bind").unwrap();
        session.until("there is another driver", |s| {
            s.fields(PCI).unwrap().get(device::DRIVER) == Some("vfio-pci")
        }).await;
    }

    async fn what_makes_a_scsi_host_one_of_fibre_channel_comes_after_it(host) {
        let path = "/sys/devices/x/host7";
        let mut session = Session::start().await;
        host.add(Record::new(path, "scsi").property("DEVTYPE", "scsi_host")).unwrap();
        session.until("the host is there", |s| s.knows(path)).await;
        assert_eq!(session.fields(path).unwrap().get(scsi_host_fields::WWPN), None);
        let part = Record::new(&format!("{path}/fc_host/host7"), "fc_host");
        host.add(part.attribute("port_name", "0x2\n").attribute("node_name", "0x1\n")).unwrap();
        session.until("it has a name of Fibre Channel", |s| {
            s.fields(path).unwrap().get(scsi_host_fields::WWPN) == Some("2")
        }).await;
    }

    async fn going_offline_and_online_is_seen(host) {
        let path = "/sys/devices/css0/0.0.0053/0.0.ff02";
        let channel = || Record::new(path, "ccw").attribute("online", "0\n");
        host.add_silently(channel()).unwrap();
        let mut session = Session::start().await;
        for action in ["online", "offline"] {
            let before = session.devices[&sysfs(path)].0;
            host.announce(path, action).unwrap();
            session.until(action, |s| s.devices[&sysfs(path)].0 > before).await;
        }
    }

    async fn a_subchannel_follows_its_driver(host) {
        host.add_silently(subchannel(None)).unwrap();
        let mut session = Session::start().await;
        assert!(!session.knows(SUBCHANNEL));
        let bind = |host: &mut nodedev_source_testkit::mock_host::MockHost, driver: &str| {
            host.make_dir(&format!("/sys/bus/css/drivers/{driver}")).unwrap();
            host.link(&format!("{SUBCHANNEL}/driver"), &format!("/sys/bus/css/drivers/{driver}")).unwrap();
            host.set_property(SUBCHANNEL, "DRIVER", driver).unwrap();
            host.announce(SUBCHANNEL, "bind").unwrap();
        };
        bind(&mut host, "vfio_ccw");
        session.until("it qualifies", |s| s.knows(SUBCHANNEL)).await;
        bind(&mut host, "chsc_subchannel");
        session.until("it no longer qualifies", |s| !s.knows(SUBCHANNEL)).await;
    }

    async fn a_character_device_that_comes_with_the_driver_is_seen(host) {
        let path = "/sys/devices/vdpa0";
        host.add_silently(Record::new(path, "vdpa")).unwrap();
        let mut session = Session::start().await;
        assert_eq!(session.fields(path).unwrap().get(vdpa::CHARDEV), None);
        host.write("/dev/vhost-vdpa-0", "").unwrap();
        host.make_dir(&format!("{path}/vhost-vdpa-0")).unwrap();
        host.announce(path, "bind").unwrap();
        session.until("it has its character device", |s| {
            s.fields(path).unwrap().get(vdpa::CHARDEV) == Some("/dev/vhost-vdpa-0")
        }).await;
    }

    async fn a_target_follows_its_remote_port(host) {
        let path = "/sys/devices/x/rport-0:0-1/target0:0:1";
        let name = "/sys/class/fc_remote_ports/rport-0:0-1/port_name";
        host.add_silently(Record::new(path, "scsi").property("DEVTYPE", "scsi_target")).unwrap();
        let mut session = Session::start().await;
        let port = |session: &Session| {
            session.fields(path).unwrap().get(scsi_target::RPORT).map(str::to_owned)
        };
        assert_eq!(port(&session), None);
        host.write(name, "0x9d73\n").unwrap();
        host.announce(path, "change").unwrap();
        session.until("it has a port", |s| port(s).as_deref() == Some("rport-0:0-1")).await;
        host.clear(name).unwrap();
        host.announce(path, "change").unwrap();
        session.until("it has none again", |s| port(s).is_none()).await;
    }

    async fn a_parent_that_registers_later_becomes_one(host) {
        host.add_silently(Record::new(MTTY, "mtty")).unwrap();
        let mut session = Session::start().await;
        assert!(!session.knows(MTTY));
        host.link("/sys/class/mdev_bus/mtty", MTTY).unwrap();
        host.announce_with(MTTY, "change", &[("MDEV_STATE", "registered")]).unwrap();
        session.until("it is a parent", |s| s.knows(MTTY)).await;
    }

    async fn a_rename_is_one_batch_and_children_follow(host) {
        let (old, new) = ("/sys/devices/virtual/net/old", "/sys/devices/virtual/net/new");
        host.add_silently(net("old")).unwrap();
        let child = Record { syspath: format!("{old}/upper"), ..net("upper") };
        host.add_silently(child).unwrap();
        let mut session = Session::start().await;
        assert!(session.knows(old) && session.knows(&format!("{old}/upper")));
        host.rename(old, new, &[("INTERFACE", "new")]).unwrap();
        session.until("the new name is there", |s| s.knows(new)).await;
        let [SourceEvent::Batch(batch)] = session.heard.as_slice() else {
            panic!("{:#?}", session.heard)
        };
        let gone: Vec<_> = batch.iter().filter_map(|event| match event {
            SourceEvent::Gone { device, .. } => Some(device.to_string()),
            _ => None,
        }).collect();
        assert_eq!(gone, [format!("{old}/upper"), old.to_owned()]);
        assert!(!session.knows(old) && !session.knows(&format!("{old}/upper")));
        assert!(session.knows(&format!("{new}/upper")));
        assert_eq!(session.fields(new).unwrap().get(net_fields::INTERFACE), Some("new"));
    }

    async fn a_late_change_does_not_bring_back_what_was_removed(host) {
        host.add_silently(net("eth0")).unwrap();
        let mut session = Session::start().await;
        // The kernel announces the removal before the directory goes.
        host.announce(ETH0, "remove").unwrap();
        host.announce(ETH0, "change").unwrap();
        host.announce(ETH0, "bind").unwrap();
        session.until("it is gone", |s| !s.knows(ETH0)).await;
        session.listen(A_WHILE).await;
        assert!(!session.knows(ETH0), "no such event brings it back");
        session.list().await;
        assert!(!session.knows(ETH0), "nor does a listing");
        host.announce(ETH0, "add").unwrap();
        session.until("a new one is there", |s| s.knows(ETH0)).await;
    }

    async fn what_a_listing_passed_over_is_looked_at_again(host) {
        host.add_silently(net("eth0")).unwrap();
        let mut session = Session::start().await;
        // A removal without its addition: lost events.
        host.announce(ETH0, "remove").unwrap();
        session.until("it is gone", |s| !s.knows(ETH0)).await;
        session.list().await;
        assert!(!session.knows(ETH0));
        session.until("it is there after all", |s| s.knows(ETH0)).await;
        // It was the old directory, which the kernel took long to delete.
        host.remove_silently(ETH0).unwrap();
        session.until("a second look has seen that", |s| !s.knows(ETH0)).await;
    }

    async fn a_device_that_comes_during_a_listing_is_not_missed(host) {
        for n in 0..200 {
            host.add_silently(disk(&format!("sd{n}"))).unwrap();
        }
        let mut session = Session::arm(nodedev_source_udev::UdevConfig::default()).await;
        let (_, ()) = tokio::join!(session.source.snapshot(), async {
            host.add(net("eth0")).unwrap();
        });
        session.until("it is there", |s| s.knows(ETH0)).await;
    }

    async fn a_mediated_device_is_said_when_it_is_complete(host) {
        host.add_silently(pci(PCI)).unwrap();
        let id = DeviceId::mdev("11111111-2222-3333-4444-555555555555", "0000:00:02.0");
        let mut session = Session::start().await;
        host.add(Record::new(MDEV, "mdev")).unwrap();
        host.add(net("eth0")).unwrap();
        session.until("another device did not wait", |s| s.knows(ETH0)).await;
        assert!(session.of(&id).is_none());
        host.make_dir("/sys/kernel/iommu_groups/12").unwrap();
        host.make_dir(&format!("{PCI}/mdev_supported_types/i915-a")).unwrap();
        for item in mdev(MDEV).items {
            if let nodedev_source_testkit::mock_host::Item::Link(name, _) = item {
                let target = match name.as_str() {
                    "mdev_type" => format!("{PCI}/mdev_supported_types/i915-a"),
                    _ => "/sys/kernel/iommu_groups/12".to_owned(),
                };
                host.link(&format!("{MDEV}/{name}"), &target).unwrap();
            }
        }
        host.announce(MDEV, "bind").unwrap();
        session.until("it is there", |s| s.of(&id).is_some()).await;
        let fields = session.of(&id).unwrap();
        assert_eq!(fields.get(mdev_fields::IOMMU_GROUP), Some(12));
        assert_eq!(fields.get(mdev_fields::TYPE), Some("i915-a"));
        host.remove(MDEV).unwrap();
        session.until("it is gone", |s| s.of(&id).is_none()).await;
    }

    async fn a_function_without_config_space_is_waited_for_and_given_up(host) {
        let mut session = Session::start().await;
        let mut record = pci(PCI);
        record.items.remove(0);
        host.add(record).unwrap();
        session.listen(A_WHILE).await;
        host.write(&format!("{PCI}/config"), [0; 64]).unwrap();
        session.until("it is there without another event", |s| s.knows(PCI)).await;
        let other = "/sys/devices/pci0000:00/0000:00:03.0";
        let mut record = pci(other);
        record.items.remove(0);
        host.add(record).unwrap();
        session.until("it is given up", |s| s.diagnostic(&[other, "config"]).is_some()).await;
        assert!(!session.knows(other));
        assert_eq!(session.fields(PCI).unwrap().get(pci_fields::NUMA_NODE), Some(0));
    }

    async fn a_flood_of_events_ends_in_the_true_list(host) {
        let mut session = Session::start().await;
        for round in 0..5 {
            for n in 0..20 {
                host.add(disk(&format!("sd{n}"))).unwrap();
            }
            for n in 0..20 {
                if round < 4 || n % 2 == 0 {
                    host.remove(&format!("/sys/devices/x/block/sd{n}")).unwrap();
                }
            }
        }
        session.until("ten are left", |s| {
            (0..20).all(|n| s.knows(&format!("/sys/devices/x/block/sd{n}")) == (n % 2 == 1))
        }).await;
        session.listen(A_WHILE).await;
        assert!((0..20).all(|n| session.knows(&format!("/sys/devices/x/block/sd{n}")) == (n % 2 == 1)));
    }
}
