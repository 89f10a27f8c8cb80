//! A scripted host with both usual sources, recorded in memory.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use nodedev_merge::builtin_streams;
use nodedev_recording::{Options, Recorder, Recording, Replay, Speed};
use nodedev_registry::{Registry, RegistryConfig};
use nodedev_source::{NodeDeviceSource, SourceInfo, StreamInfo};
use nodedev_source_testkit::{ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, mdev, net};
use nodedev_types::{Capability, Device, DeviceId, Fields, MdevAttribute, SourceId};

pub(crate) const PARENT: &str = "/sys/devices/pci0000:00/0000:00:02.0";

/// A file in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct File(Arc<Mutex<Vec<u8>>>);

impl File {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn recording(&self) -> Recording {
        Recording::read(&*self.bytes()).unwrap()
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The host, the registry over it, and the recording of it.
pub(crate) struct Stage {
    pub(crate) udev: ScriptedHost,
    pub(crate) mdevctl: ScriptedHost,
    pub(crate) registry: Registry,
    pub(crate) recorder: Recorder,
    pub(crate) file: File,
}

impl Stage {
    pub(crate) fn new(options: &Options) -> Self {
        let info = SourceInfo::new("udev", "1").with_stream(stream(SourceId::UDEV));
        let (udev, udev_host) = ScriptedSource::with_info(info);
        let info = SourceInfo::new("mdevctl", "1")
            .with_stream(stream(SourceId::MDEVCTL_DEFINED))
            .with_stream(stream(SourceId::MDEVCTL_ACTIVE))
            .with_interests(&[Capability::Mdev, Capability::MdevTypes]);
        let (mdevctl, mdevctl_host) = ScriptedSource::with_info(info);
        mdevctl_host.resync_on_hint(true);
        let file = File::default();
        let sources: Vec<Arc<dyn NodeDeviceSource>> = vec![udev, mdevctl];
        let (recorder, sources) = Recorder::start(file.clone(), options, sources).unwrap();
        let builder = sources.into_iter().fold(Registry::builder(), |all, one| all.source(one));
        let registry = builder.start().unwrap();
        Self { udev: udev_host, mdevctl: mdevctl_host, registry, recorder, file }
    }

    /// Waits until nothing is under way any more: with a paused clock, time passes only then.
    pub(crate) async fn settle(&self) {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    }
}

/// Plays it and returns what the registry over it lists in the end, and the registry.
pub(crate) async fn played(recording: Recording, speed: Speed) -> (Vec<Device>, Registry, Replay) {
    let replay = Replay::new(recording, speed);
    let registry = replay.start(RegistryConfig::default()).unwrap();
    replay.settled(&registry).await;
    (devices(&registry), registry, replay)
}

pub(crate) fn devices(registry: &Registry) -> Vec<Device> {
    registry.snapshot().devices().map(|device| (**device).clone()).collect()
}

fn stream(id: &str) -> StreamInfo {
    builtin_streams().into_iter().find(|stream| stream.id.as_str() == id).unwrap()
}

pub(crate) fn defined() -> SourceId {
    SourceId::new(SourceId::MDEVCTL_DEFINED)
}

pub(crate) fn active() -> SourceId {
    SourceId::new(SourceId::MDEVCTL_ACTIVE)
}

pub(crate) fn nic(number: u8, mac: u8) -> (DeviceId, Fields) {
    let name = format!("eth{number}");
    let path = format!("/sys/devices/virtual/net/{name}");
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(device::PATH, &*path);
    fields.set(net::INTERFACE, &*name);
    fields.set(net::ADDRESS, format!("52:54:00:00:00:{mac:02x}"));
    (DeviceId::sysfs(&path).unwrap(), fields)
}

pub(crate) fn parent() -> (DeviceId, Fields) {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Pci);
    fields.set(device::PATH, PARENT);
    fields.set(device::ADDRESS, "0000:00:02.0");
    (DeviceId::sysfs(PARENT).unwrap(), fields)
}

pub(crate) fn mdev(number: u8) -> DeviceId {
    DeviceId::mdev(&uuid(number), "0000:00:02.0")
}

fn uuid(number: u8) -> String {
    format!("aaaaaaaa-0000-4000-8000-0000000000{number:02x}")
}

/// A mediated device that runs, as udev sees it.
pub(crate) fn running(number: u8) -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Mdev);
    fields.set(device::PATH, format!("{PARENT}/{}", uuid(number)));
    fields.set(mdev::UUID, uuid(number));
    fields.set(mdev::PARENT_ADDR, "0000:00:02.0");
    fields.set(mdev::TYPE, "t");
    fields
}

/// A definition, or a running device as mdevctl sees it.
pub(crate) fn attributes(is_definition: bool, value: u8) -> Fields {
    let attributes = vec![MdevAttribute { name: "a".to_owned(), value: value.to_string() }];
    let mut fields = Fields::new();
    if is_definition {
        fields.set(mdev::DEFINED_TYPE, "t");
        fields.set(mdev::DEFINED_ATTRIBUTES, attributes);
        fields.set(device::AUTOSTART, value.is_multiple_of(2));
    } else {
        fields.set(mdev::ATTRIBUTES, attributes);
    }
    fields
}
