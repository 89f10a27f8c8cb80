//! A registry with devices of several kinds, and what it asks to be done.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its host up fails")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use nodedev_control::Refusal;
use nodedev_merge::builtin_streams;
use nodedev_registry::{Action, Registry};
use nodedev_source::{NodeDeviceSource, SourceInfo};
use nodedev_source_testkit::{Acts, Asked, ScriptedControl, ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, mdev, scsi_host};
use nodedev_types::{Capability, DeviceId, Fields, SourceId};

pub(crate) const PCI: &str = "pci_0000_00_02_0";
pub(crate) const ADDRESS: &str = "0000:00:02.0";
pub(crate) const UUID: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(crate) const MDEV: &str = "mdev_aaaaaaaa_0000_4000_8000_000000000001_0000_00_02_0";

pub(crate) struct Host {
    pub(crate) registry: Registry,
    pub(crate) kernel: ScriptedHost,
    pub(crate) mdevctl: ScriptedHost,
    pub(crate) acts: Acts,
}

impl Host {
    /// A host with a parent of mediated devices and three SCSI hosts, one of Fibre Channel with
    /// virtual ports, one without, one that is such a port.
    pub(crate) async fn start() -> Self {
        let (udev, kernel) = source("udev", &[SourceId::UDEV], &[]);
        let streams = [SourceId::MDEVCTL_DEFINED, SourceId::MDEVCTL_ACTIVE];
        let (tool, mdevctl) = source("mdevctl", &streams, &[Capability::Mdev]);
        mdevctl.resync_on_hint(true);
        kernel.set(&sysfs("/sys/devices/pci0000:00/0000:00:02.0"), pci());
        for (path, names) in [
            ("/sys/devices/pci0000:00/0000:00:03.0/host1", Some(("2001", "1001", Some(7)))),
            ("/sys/devices/pci0000:00/0000:00:04.0/host2", Some(("2002", "1002", None))),
            (
                "/sys/devices/pci0000:00/0000:00:03.0/host1/vport-1:0-0/host3",
                Some(("5a", "5b", None)),
            ),
            ("/sys/devices/pci0000:00/0000:00:05.0/host4", None),
        ] {
            kernel.set(&sysfs(path), scsi_host(path, names));
        }
        let (control, acts) = ScriptedControl::new(&[Capability::Mdev, Capability::ScsiHost]);
        let registry = Registry::builder()
            .source(udev as Arc<dyn NodeDeviceSource>)
            .source(tool as Arc<dyn NodeDeviceSource>)
            .control(Arc::new(control))
            .start()
            .unwrap();
        registry.ready().await;
        Self { registry, kernel, mdevctl, acts }
    }

    /// mdevctl has a definition from now on.
    pub(crate) async fn define(&self, mdev_type: &str, autostart: bool) {
        let stream = SourceId::new(SourceId::MDEVCTL_DEFINED);
        self.mdevctl.set_on(&stream, &id(), Self::defined(mdev_type, autostart));
        idle().await;
    }

    /// What mdevctl says of a definition.
    pub(crate) fn defined(mdev_type: &str, autostart: bool) -> Fields {
        let mut fields = Fields::new();
        fields.set(device::CAPABILITY, Capability::Mdev);
        fields.set(device::AUTOSTART, autostart);
        fields.set(mdev::UUID, UUID);
        fields.set(mdev::PARENT_ADDR, ADDRESS);
        fields.set(mdev::DEFINED_TYPE, mdev_type);
        fields
    }

    /// The kernel runs the device from now on.
    pub(crate) async fn run(&self, mdev_type: &str) {
        self.kernel.set(&id(), Self::running(mdev_type));
        idle().await;
    }

    /// What the kernel says of the running device.
    pub(crate) fn running(mdev_type: &str) -> Fields {
        let path = format!("/sys/devices/pci0000:00/0000:00:02.0/{UUID}");
        let mut fields = Fields::new();
        fields.set(device::CAPABILITY, Capability::Mdev);
        fields.set(device::PATH, path.as_str());
        fields.set(mdev::UUID, UUID);
        fields.set(mdev::PARENT_ADDR, ADDRESS);
        fields.set(mdev::TYPE, mdev_type);
        fields
    }

    /// The action that is asked for while something is being done.
    pub(crate) async fn asked<T>(
        &mut self,
        doing: impl Future<Output = Result<T, Refusal>>,
    ) -> Action {
        tokio::pin!(doing);
        tokio::select! {
            biased;
            _ = &mut doing => panic!("done without being asked"),
            asked = self.acts.next() => asked.map(|asked: Asked| asked.action).unwrap(),
        }
    }
}

pub(crate) fn id() -> DeviceId {
    DeviceId::mdev(UUID, ADDRESS)
}

pub(crate) fn sysfs(path: &str) -> DeviceId {
    DeviceId::sysfs(path).unwrap()
}

/// Until every task waits for something to happen: the clock moves only then.
pub(crate) async fn idle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

fn source(
    name: &str,
    streams: &[&str],
    interests: &[Capability],
) -> (Arc<ScriptedSource>, ScriptedHost) {
    let known = builtin_streams();
    let known = known.into_iter().filter(|stream| streams.contains(&stream.id.as_str()));
    let info = known.fold(SourceInfo::new(name, "1"), SourceInfo::with_stream);
    ScriptedSource::with_info(info.with_interests(interests))
}

fn pci() -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Pci);
    fields.set(device::PATH, "/sys/devices/pci0000:00/0000:00:02.0");
    fields.set(device::ADDRESS, ADDRESS);
    fields
}

fn scsi_host(path: &str, names: Option<(&str, &str, Option<u64>)>) -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::ScsiHost);
    fields.set(device::PATH, path);
    if let Some((wwnn, wwpn, vports)) = names {
        fields.set(scsi_host::WWNN, wwnn);
        fields.set(scsi_host::WWPN, wwpn);
        fields.set(scsi_host::FABRIC_WWN, format!("f{wwnn}"));
        fields.set_opt(scsi_host::MAX_VPORTS, vports);
    }
    fields
}
