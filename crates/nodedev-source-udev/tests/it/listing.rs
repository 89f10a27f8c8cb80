//! What a snapshot of a host says.

use nodedev_source::{ErrorKind, NodeDeviceSource};
use nodedev_source_testkit::mock_host::{MockHost, Record};
use nodedev_source_udev::{UdevConfig, UdevSource};
use nodedev_types::fields::{device, mdev, mdev_types, net, pci, scsi_host, storage, system};
use nodedev_types::{Capability, DeviceId, FieldName, PciAddress};

use crate::kinds::{
    FC, MDEV, MTTY, PCI, disk, fibre_channel, net as interface, pci as function, zoo,
};
use crate::on_mock_host;
use crate::session::{Session, sysfs};

fn build_zoo(host: &mut MockHost) -> usize {
    let zoo = zoo();
    let number = zoo.len();
    for (_, record) in zoo {
        host.add_silently(record).unwrap();
    }
    host.link("/sys/class/mdev_bus/mtty", MTTY).unwrap();
    host.link("/sys/class/mdev_bus/0000:00:02.0", PCI).unwrap();
    host.make_dir("/sys/kernel/iommu_groups/12").unwrap();
    number
}

fn mdev_id() -> DeviceId {
    DeviceId::mdev("11111111-2222-3333-4444-555555555555", "0000:00:02.0")
}

on_mock_host! {
    async fn every_kind_is_listed_with_its_fields(host) {
        let number = build_zoo(&mut host);
        let session = Session::start().await;
        assert!(session.diagnostics.is_empty(), "{:?}", session.diagnostics);
        for (kind, record) in zoo() {
            let id = if kind == "mdev" { mdev_id() } else { sysfs(&record.syspath) };
            let fields = session.of(&id).unwrap_or_else(|| panic!("no {kind}"));
            assert_eq!(fields.get(device::CAPABILITY).unwrap().as_str(), kind);
            assert_eq!(fields.get(device::PATH), Some(record.syspath.as_str()));
            assert_eq!(fields.get(device::SUBSYSTEM), Some(record.subsystem()));
        }
        assert_eq!(session.devices.len(), number + 1, "and the host itself");
        let function = session.fields(PCI).unwrap();
        assert_eq!(function.get(device::DRIVER), Some("i915"));
        assert_eq!(function.get(pci::PRODUCT_ID), Some(0x1234));
        assert_eq!(function.get(mdev_types::TYPES).unwrap()[0].id, "i915-a");
        let disk = session.fields("/sys/devices/x/block/sda").unwrap();
        assert_eq!(disk.get(device::DEVNODE), Some("/dev/sda"));
        assert_eq!(disk.get(device::DEVLINKS).unwrap(), ["/dev/disk/by-id/a", "/dev/disk/by-id/z"]);
        assert_eq!(disk.get(storage::SIZE), Some(512_000));
        let host0 = session.fields("/sys/devices/x/host0/scsi_host/host0").unwrap();
        assert_eq!(host0.get(scsi_host::UNIQUE_ID), Some(3));
        assert_eq!(session.fields(MTTY).unwrap().get(device::ADDRESS), Some("mtty"));
        assert_eq!(session.of(&mdev_id()).unwrap().get(mdev::IOMMU_GROUP), Some(12));
    }

    async fn links_are_udevd_s_word_alone(host) {
        host.add_silently(disk("sda").property("DEVLINKS", "/dev/other")).unwrap();
        let session = Session::start().await;
        let links = |session: &Session| {
            let disk = session.fields("/sys/devices/x/block/sda").unwrap();
            disk.get(device::DEVLINKS).map(<[String]>::to_vec)
        };
        assert_eq!(links(&session).unwrap(), ["/dev/disk/by-id/a", "/dev/disk/by-id/z"]);
        host.clear("/run/udev/data/b8:0").unwrap();
        assert_eq!(links(&Session::start().await), None, "libvirt does not show what uevent says");
    }

    async fn only_declared_fields_are_said(host) {
        build_zoo(&mut host);
        let session = Session::start().await;
        let declared = session.source.info().streams.remove(0).fields;
        for (id, (_, fields)) in &session.devices {
            let outside = declared.first_outside(fields.as_ref().unwrap());
            assert_eq!(outside, None, "{id}");
        }
        assert!(!declared.contains(&FieldName::from(mdev::ATTRIBUTES.field())));
    }

    async fn any_parent_of_mediated_devices_is_one(host) {
        let mdpy = "/sys/devices/virtual/mdpy/mdpy";
        host.add_silently(Record::new(mdpy, "mdpy")).unwrap();
        let session = Session::start().await;
        assert!(!session.knows(mdpy), "not registered yet");
        host.link("/sys/class/mdev_bus/mdpy", mdpy).unwrap();
        let session = Session::start().await;
        let fields = session.fields(mdpy).unwrap();
        assert_eq!(fields.get(device::CAPABILITY), Some(Capability::MdevTypes));
    }

    async fn ignored_subsystems_and_other_devices_are_not_listed(host) {
        let interface = |subsystem: &str| {
            Record::new(&format!("/sys/devices/{subsystem}/x"), subsystem).property("INTERFACE", "x")
        };
        for subsystem in ["acpi", "tty", "vc", "i2c"] {
            host.add_silently(interface(subsystem)).unwrap();
        }
        host.add_silently(Record::new("/sys/devices/platform/rtc", "platform")).unwrap();
        host.add_silently(interface("other")).unwrap();
        let session = Session::start().await;
        // No operstate: it would be a network interface that cannot be read.
        assert_eq!(session.stale.len(), 1);
        assert_eq!(session.devices.len(), 1);
    }

    async fn the_host_itself_has_an_identity_that_lasts(host) {
        let source = |config| UdevSource::new(config);
        let uuid = |snapshot: nodedev_source::Snapshot| {
            let devices = snapshot.listings[0].devices.as_ref().unwrap();
            let computer = devices.iter().find(|d| d.device == DeviceId::Computer).unwrap();
            computer.fields.get(system::HARDWARE_UUID).map(str::to_owned)
        };
        let configured = UdevConfig::default().with_host_uuid("6F0D3F0E-7f1b-4f0e-9b5a-0123456789ab");
        let given = uuid(source(configured).snapshot().await.unwrap());
        assert_eq!(given.as_deref(), Some("6f0d3f0e-7f1b-4f0e-9b5a-0123456789ab"));
        host.write("/sys/devices/virtual/dmi/id/product_uuid", "11111111-2222-3333-4444-555555555555\n").unwrap();
        let read = uuid(source(UdevConfig::default()).snapshot().await.unwrap());
        assert_eq!(read.as_deref(), Some("11111111-2222-3333-4444-555555555555"));
    }

    async fn a_refresh_brings_the_changing_fields_alone(host) {
        host.add_silently(interface("eth0")).unwrap();
        host.add_silently(function(PCI)).unwrap();
        let source = UdevSource::default();
        let id = sysfs("/sys/devices/virtual/net/eth0");
        host.write("/sys/devices/virtual/net/eth0/speed", "2500\n").unwrap();
        let said = source.refresh(&id).await.unwrap().unwrap();
        assert_eq!(said.fields.get(net::LINK_SPEED), Some(2500));
        assert_eq!(said.fields.get(net::ADDRESS), None);
        host.clear(&format!("{PCI}/driver")).unwrap();
        let said = source.refresh(&sysfs(PCI)).await.unwrap().unwrap();
        assert!(said.fields.is_empty(), "{:?}", said.fields);
        assert!(source.refresh(&DeviceId::Computer).await.unwrap().is_none());
        host.remove_silently(PCI).unwrap();
        let error = source.refresh(&sysfs(PCI)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Gone);
    }

    async fn a_refresh_sees_virtual_functions_and_groups(host) {
        let (made, group) = ("/sys/devices/pci0000:00/0000:00:02.1", "/sys/kernel/iommu_groups/1");
        host.add_silently(function(PCI).attribute("sriov_totalvfs", "2\n")).unwrap();
        let source = UdevSource::default();
        let said = source.refresh(&sysfs(PCI)).await.unwrap().unwrap().fields;
        assert_eq!(said.get(pci::VIRT_FUNCTIONS_MAX_COUNT), Some(2));
        assert!(said.get(pci::VIRT_FUNCTIONS).is_none() && said.get(pci::IOMMU_GROUP).is_none());
        host.add_silently(function(made).link("physfn", PCI)).unwrap();
        host.link(&format!("{PCI}/virtfn0"), made).unwrap();
        host.link(&format!("{group}/devices/0000:00:02.0"), PCI).unwrap();
        host.link(&format!("{PCI}/iommu_group"), group).unwrap();
        let said = source.refresh(&sysfs(PCI)).await.unwrap().unwrap().fields;
        let address = |text: &str| text.parse::<PciAddress>().unwrap();
        assert_eq!(said.get(pci::VIRT_FUNCTIONS).unwrap(), [address("0000:00:02.1")]);
        assert_eq!(said.get(pci::IOMMU_GROUP), Some(1));
        assert_eq!(said.get(pci::IOMMU_GROUP_ADDRESSES).unwrap(), [address("0000:00:02.0")]);
        let said = source.refresh(&sysfs(made)).await.unwrap().unwrap().fields;
        assert_eq!(said.get(pci::PHYS_FUNCTION), Some(address("0000:00:02.0")));
        assert!(said.get(pci::HEADER).is_none() && said.get(pci::EXPRESS).is_none());
    }

    async fn a_fibre_channel_host_follows_its_files(host) {
        host.add_silently(Record::new(FC, "scsi").property("DEVTYPE", "scsi_host")).unwrap();
        let plain = Session::start().await;
        assert_eq!(plain.fields(FC).unwrap().get(scsi_host::WWNN), None);
        for record in fibre_channel() {
            host.add_silently(record).unwrap();
        }
        let source = UdevSource::default();
        let said = source.refresh(&sysfs(FC)).await.unwrap().unwrap();
        assert_eq!(said.fields.get(scsi_host::WWNN), Some("20000000c9831b4b"));
        assert_eq!(said.fields.get(scsi_host::WWPN), Some("10000000c9831b4b"));
        assert_eq!(said.fields.get(scsi_host::MAX_VPORTS), Some(127));
        assert_eq!(said.fields.get(scsi_host::HOST), None);
        host.clear(&format!("{FC}/fc_host/host7/port_name")).unwrap();
        let said = source.refresh(&sysfs(FC)).await.unwrap().unwrap();
        for key in [scsi_host::WWNN, scsi_host::WWPN] {
            assert_eq!(said.fields.get(key), None, "the flag went with the file");
        }
        assert_eq!(said.fields.get(scsi_host::MAX_VPORTS), None);
    }

    async fn features_of_the_loopback_are_the_kernel_s(host) {
        let lo = interface("lo").attribute("operstate", "unknown\n");
        let path = lo.syspath.clone();
        host.add_silently(lo).unwrap();
        host.add_silently(interface("nosuch0")).unwrap();
        let session = Session::start().await;
        assert!(session.diagnostics.is_empty(), "{:?}", session.diagnostics);
        let features = session.fields(&path).unwrap().get(net::FEATURES).unwrap();
        // The loopback of this namespace: whatever the kernel, it needs no checksums.
        assert_eq!(features[..2], ["rx", "tx"]);
        let nowhere = session.fields("/sys/devices/virtual/net/nosuch0").unwrap();
        assert_eq!(nowhere.get(net::FEATURES), None);
    }

    async fn a_mediated_device_is_refreshed_by_its_identity(host) {
        build_zoo(&mut host);
        host.link(&format!("{MDEV}/driver"), "/sys/bus/mdev/drivers/vfio_mdev").unwrap();
        host.make_dir("/sys/bus/mdev/drivers/vfio_mdev").unwrap();
        let source = UdevSource::default();
        let said = source.refresh(&mdev_id()).await.unwrap().unwrap();
        assert_eq!(said.fields.get(device::DRIVER), Some("vfio_mdev"));
        let unknown = DeviceId::mdev("00000000-2222-3333-4444-555555555555", "0000:00:02.0");
        assert_eq!(source.refresh(&unknown).await.unwrap_err().kind(), ErrorKind::Gone);
    }

    async fn a_large_host_is_listed_whole(host) {
        for n in 0..500 {
            host.add_silently(disk(&format!("sd{n}"))).unwrap();
        }
        let snapshot = UdevSource::default().snapshot().await.unwrap();
        assert_eq!(snapshot.listings[0].devices.as_ref().unwrap().len(), 501);
    }
}
