//! Hosts to try the registry on, and ways to say what it told.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its host up fails")]

use std::sync::Arc;
use std::time::Duration;

use nodedev_merge::builtin_streams;
use nodedev_registry::{Batch, Registry, RegistryConfig, SourceStatus, Subscription};
use nodedev_source::{NodeDeviceSource, SourceInfo};
use nodedev_source_testkit::{ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, mdev, mdev_types, net};
use nodedev_types::{Capability, DeviceId, Fields, MdevAttribute, MdevType, SourceId, StreamInfo};

pub(crate) const PCI: &str = "/sys/devices/pci0000:00/0000:00:02.0";
pub(crate) const UUID: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(crate) const MDEV: &str = "mdev_aaaaaaaa_0000_4000_8000_000000000001_0000_00_02_0";

pub(crate) fn stream(id: &str) -> StreamInfo {
    let mut streams = builtin_streams().into_iter();
    streams.find(|stream| stream.id.as_str() == id).unwrap()
}

pub(crate) fn udev() -> (Arc<ScriptedSource>, ScriptedHost) {
    let info = SourceInfo::new("udev", "1").with_stream(stream(SourceId::UDEV));
    ScriptedSource::with_info(info)
}

/// An mdevctl that looks again on every hint.
pub(crate) fn mdevctl() -> (Arc<ScriptedSource>, ScriptedHost) {
    let info = SourceInfo::new("mdevctl", "1")
        .with_stream(stream(SourceId::MDEVCTL_DEFINED))
        .with_stream(stream(SourceId::MDEVCTL_ACTIVE))
        .with_interests(&[Capability::Mdev, Capability::MdevTypes]);
    let (source, host) = ScriptedSource::with_info(info);
    host.resync_on_hint(true);
    (source, host)
}

pub(crate) fn defined() -> SourceId {
    SourceId::new(SourceId::MDEVCTL_DEFINED)
}

pub(crate) fn active() -> SourceId {
    SourceId::new(SourceId::MDEVCTL_ACTIVE)
}

pub(crate) fn sysfs(path: &str) -> DeviceId {
    DeviceId::sysfs(path).unwrap()
}

pub(crate) fn mdev() -> DeviceId {
    DeviceId::mdev(UUID, "0000:00:02.0")
}

pub(crate) fn nic(path: &str, mac: &str) -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(device::PATH, path);
    fields.set(net::INTERFACE, path.rsplit('/').next().unwrap());
    fields.set(net::ADDRESS, mac);
    fields
}

/// A network interface called `net_<name>_`.
pub(crate) fn link(name: &str) -> (DeviceId, Fields) {
    let path = format!("/sys/devices/virtual/net/{name}");
    (sysfs(&path), nic(&path, ""))
}

pub(crate) fn pci(path: &str, instances: Option<u64>) -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Pci);
    fields.set(device::PATH, path);
    fields.set(device::ADDRESS, "0000:00:02.0");
    let types = instances.map(|available_instances| MdevType {
        id: "t".to_owned(),
        name: None,
        device_api: "vfio-pci".to_owned(),
        available_instances,
    });
    fields.set_opt(mdev_types::TYPES, types.map(|of| vec![of]));
    fields
}

pub(crate) fn running(path: &str) -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Mdev);
    fields.set(device::PATH, path);
    fields.set(mdev::UUID, UUID);
    fields.set(mdev::PARENT_ADDR, "0000:00:02.0");
    fields.set(mdev::TYPE, "t");
    fields
}

pub(crate) fn mdev_path() -> String {
    format!("{PCI}/{UUID}")
}

pub(crate) fn definition() -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Mdev);
    fields.set(device::AUTOSTART, true);
    fields.set(mdev::UUID, UUID);
    fields.set(mdev::PARENT_ADDR, "0000:00:02.0");
    fields.set(mdev::DEFINED_TYPE, "t");
    fields
}

pub(crate) fn live(value: &str) -> Fields {
    let mut fields = Fields::new();
    fields.set(mdev::UUID, UUID);
    fields.set(mdev::ATTRIBUTES, attributes(value));
    fields
}

pub(crate) fn attributes(value: &str) -> Vec<MdevAttribute> {
    let (name, value) = ("a".to_owned(), value.to_owned());
    vec![MdevAttribute { name, value }]
}

pub(crate) async fn start(sources: &[Arc<ScriptedSource>]) -> Registry {
    start_with(sources, RegistryConfig::default()).await
}

pub(crate) async fn start_with(
    sources: &[Arc<ScriptedSource>],
    config: RegistryConfig,
) -> Registry {
    let mut builder = Registry::builder().config(config);
    for source in sources {
        builder = builder.source(Arc::clone(source) as Arc<dyn NodeDeviceSource>);
    }
    let registry = builder.start().unwrap();
    registry.ready().await;
    registry
}

/// A registry over a host with the parent of mediated devices, read by udev and mdevctl.
pub(crate) async fn with_parent() -> (Registry, ScriptedHost, ScriptedHost) {
    let ((kernel, host), (tool, config)) = (udev(), mdevctl());
    host.set(&sysfs(PCI), pci(PCI, Some(1)));
    let registry = start(&[kernel, tool]).await;
    idle().await;
    (registry, host, config)
}

/// Until every task waits for something to happen: the clock moves only then.
pub(crate) async fn idle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

pub(crate) fn told(batch: &Batch) -> Vec<String> {
    let changes = batch.changes.iter();
    changes.map(|c| format!("{} {}", c.kind, c.name)).collect()
}

/// What has to happen, or the test fails instead of waiting for ever.
pub(crate) async fn soon<T>(happening: impl Future<Output = T>) -> T {
    let long = Duration::from_secs(600);
    tokio::time::timeout(long, happening).await.unwrap()
}

pub(crate) async fn batch(events: &mut Subscription) -> Arc<Batch> {
    soon(events.next()).await.unwrap()
}

pub(crate) async fn next(events: &mut Subscription) -> Vec<String> {
    let batch = batch(events).await;
    told(&batch)
}

/// Whether nothing is told for a long time.
pub(crate) async fn is_silent(events: &mut Subscription) -> bool {
    let long = Duration::from_secs(30);
    tokio::time::timeout(long, events.next()).await.is_err()
}

pub(crate) fn status(registry: &Registry, name: &str) -> SourceStatus {
    let snapshot = registry.snapshot();
    let mut sources = snapshot.sources().iter();
    sources.find(|source| source.name == name).unwrap().clone()
}
