//! Which devices the self-check finds, compared with what a snapshot says.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use nodedev_source::NodeDeviceSource;
use nodedev_source_testkit::mock_host::MockHost;
use nodedev_types::{DeviceId, SourceId};

use crate::kinds::{PCI, net, pci, zoo};
use crate::on_mock_host;
use crate::session::{Session, sysfs};

async fn found(session: &Session) -> BTreeSet<DeviceId> {
    let inventory = session.source.inventory().await.unwrap().unwrap();
    inventory.streams.get(&SourceId::new(SourceId::UDEV)).unwrap().clone()
}

fn said(session: &Session) -> BTreeSet<DeviceId> {
    let there = session.devices.iter().filter(|(_, (_, fields))| fields.is_some());
    there.map(|(id, _)| id.clone()).collect()
}

/// Devices of every kind, and some of none.
fn build(host: &mut MockHost) {
    for (_, record) in zoo() {
        host.add_silently(record).unwrap();
    }
}

on_mock_host! {
    async fn it_is_what_a_snapshot_says_of_every_kind(host) {
        build(&mut host);
        let mut session = Session::start().await;
        assert_eq!(found(&session).await, said(&session));
        host.remove(PCI).unwrap();
        session.until("it has gone", |s| !s.knows(PCI)).await;
        assert_eq!(found(&session).await, said(&session));
    }

    async fn a_device_that_was_never_told_is_found(host) {
        let session = Session::start().await;
        host.add_silently(net("eth0")).unwrap();
        let missed: Vec<_> = found(&session).await.difference(&said(&session)).cloned().collect();
        assert_eq!(missed, [sysfs("/sys/devices/virtual/net/eth0")]);
    }

    async fn a_device_that_went_without_a_word_is_not_found(host) {
        host.add_silently(net("eth0")).unwrap();
        let session = Session::start().await;
        host.remove_silently("/sys/devices/virtual/net/eth0").unwrap();
        let extra: Vec<_> = said(&session).difference(&found(&session).await).cloned().collect();
        assert_eq!(extra, [sysfs("/sys/devices/virtual/net/eth0")]);
    }

    async fn a_host_that_can_no_longer_be_read_is_no_difference(host) {
        const VENDOR: &str = "/sys/devices/virtual/dmi/id/sys_vendor";
        build(&mut host);
        let session = Session::start().await;
        assert!(said(&session).contains(&DeviceId::Computer));
        let vendor = host.real_path(VENDOR);
        let _ = fs::remove_file(&vendor);
        fs::create_dir_all(vendor.parent().unwrap()).unwrap();
        mkfifo(&vendor, Mode::S_IRUSR).unwrap();
        assert_eq!(found(&session).await, said(&session));
    }

    async fn a_device_that_cannot_be_read_is_no_difference(host) {
        host.add_silently(pci(PCI).attribute("vendor", "banana\n")).unwrap();
        let session = Session::start().await;
        assert_eq!(found(&session).await, said(&session));
    }
}
