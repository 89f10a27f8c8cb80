//! Bad input costs its own device and nothing else.

use std::fs::OpenOptions;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nodedev_source::{ErrorKind, NodeDeviceSource};
use nodedev_source_testkit::mock_host::MockHost;
use nodedev_types::fields::{pci as pci_fields, storage};

use crate::kinds::{PCI, disk, net, pci};
use crate::on_mock_host;
use crate::session::{Session, sysfs};

const OTHER: &str = "/sys/devices/pci0000:00/0000:00:03.0";

fn pipe(host: &MockHost, path: &str) {
    host.clear(path).unwrap();
    nix::unistd::mkfifo(&host.real_path(path), Mode::S_IRWXU).unwrap();
}

on_mock_host! {
    async fn garbage_keeps_the_last_good_fields_and_is_named(host) {
        host.add_silently(pci(PCI)).unwrap();
        host.add_silently(pci(OTHER)).unwrap();
        let mut session = Session::start().await;
        let numa_node = format!("{PCI}/numa_node");
        host.write(&numa_node, "north\n").unwrap();
        host.announce(PCI, "change").unwrap();
        session.until("it is stale", |s| s.stale.contains(&sysfs(PCI))).await;
        assert!(session.diagnostic(&[PCI, "numa_node", "`north`"]).is_some());
        assert_eq!(session.fields(PCI).unwrap().get(pci_fields::NUMA_NODE), Some(0));
        session.list().await;
        assert!(session.knows(PCI) && session.knows(OTHER));
        host.write(&numa_node, "1\n").unwrap();
        host.announce(PCI, "change").unwrap();
        session.until("it is mended", |s| !s.stale.contains(&sysfs(PCI))).await;
        assert_eq!(session.fields(PCI).unwrap().get(pci_fields::NUMA_NODE), Some(1));
    }

    async fn garbage_in_a_device_that_was_never_said_is_a_diagnostic(host) {
        let mut session = Session::start().await;
        host.add(pci(PCI).attribute("vendor", "banana\n")).unwrap();
        host.add(pci(OTHER)).unwrap();
        session.until("both were read", |s| {
            s.knows(OTHER) && s.diagnostic(&[PCI, "vendor", "`banana`"]).is_some()
        }).await;
        assert!(!session.knows(PCI));
        session.list().await;
        assert!(!session.knows(PCI) && session.stale.contains(&sysfs(PCI)));
    }

    async fn a_pipe_in_place_of_an_attribute_delays_only_its_own_device(host) {
        host.add_silently(pci(PCI)).unwrap();
        host.add_silently(pci(OTHER)).unwrap();
        pipe(&host, &format!("{PCI}/vendor"));
        // With and without somebody at its other end.
        let real = host.real_path(&format!("{PCI}/vendor"));
        for writer in [None, Some(OpenOptions::new().read(true).write(true).open(real).unwrap())] {
            let began = Instant::now();
            let mut session = Session::start().await;
            assert!(began.elapsed() < Duration::from_secs(5));
            assert!(session.knows(OTHER) && !session.knows(PCI));
            assert!(session.diagnostic(&[PCI, "vendor"]).is_some());
            host.add(net("eth0")).unwrap();
            session.until("events go on", |s| s.knows("/sys/devices/virtual/net/eth0")).await;
            let error = session.source.refresh(&sysfs(PCI)).await.unwrap_err();
            assert_ne!(error.kind(), ErrorKind::Gone);
            drop(writer);
        }
    }

    async fn huge_and_foreign_bytes_cost_their_field(host) {
        host.add_silently(disk("sda").bytes("device/model", &vec![b'x'; 100_000])).unwrap();
        host.add_silently(disk("sdb").bytes("device/model", b"caf\xe9\n")).unwrap();
        let session = Session::start().await;
        let model = |name: &str| {
            let fields = session.fields(&format!("/sys/devices/x/block/{name}")).unwrap();
            fields.get(storage::MODEL).map(str::to_owned)
        };
        assert_eq!(model("sda"), None);
        assert_eq!(model("sdb").as_deref(), Some("caf\u{fffd}"));
        assert!(session.diagnostic(&["block/sda", "device/model", "64 KiB"]).is_some());
        assert!(session.diagnostic(&["block/sdb", "device/model", "UTF-8"]).is_some());
    }

    async fn a_device_that_vanishes_while_it_is_read_is_simply_not_there(host) {
        let mut session = Session::start().await;
        for _ in 0..20 {
            host.add(net("eth0")).unwrap();
            host.remove_silently("/sys/devices/virtual/net/eth0").unwrap();
        }
        host.add(net("eth1")).unwrap();
        session.until("eth1 is there", |s| s.knows("/sys/devices/virtual/net/eth1")).await;
        session.list().await;
        assert!(!session.knows("/sys/devices/virtual/net/eth0"));
        assert!(session.stale.is_empty(), "{:?}", session.stale);
    }
}
