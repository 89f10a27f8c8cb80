//! A server on sockets of its own, over a host that the test changes.

use std::path::PathBuf;
use std::sync::Arc;

use nodedev_merge::builtin_streams;
use nodedev_registry::Registry;
use nodedev_server::socket::{BoundSocket, SocketFile, SocketOptions, bind};
use nodedev_server::{Access, AuthScheme, Listener, Server, ServerConfig};
use nodedev_source::{NodeDeviceSource, SourceInfo};
use nodedev_source_testkit::{ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, mdev, net};
use nodedev_types::{Capability, DeviceId, Fields, SourceId};
use tempfile::TempDir;

use crate::client::Client;

/// The device of [`Rig::define`].
pub(crate) const MDEV: &str = "mdev_aaaaaaaa_0000_4000_8000_000000000001_0000_00_02_0";
const UUID: &str = "aaaaaaaa-0000-4000-8000-000000000001";

/// Everything; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) host: ScriptedHost,
    pub(crate) definitions: ScriptedHost,
    pub(crate) registry: Registry,
    pub(crate) server: Server,
    folder: TempDir,
    _files: Vec<SocketFile>,
}

impl Rig {
    /// With two interfaces, a definition and default settings.
    pub(crate) async fn start() -> Self {
        Self::with(ServerConfig::default()).await
    }

    pub(crate) async fn with(config: ServerConfig) -> Self {
        let rig = Self::unready(config, |_| {});
        rig.registry.ready().await;
        rig
    }

    /// Does not wait for the list to be complete; `prepare` comes before the registry starts.
    pub(crate) fn unready(config: ServerConfig, prepare: impl FnOnce(&ScriptedHost)) -> Self {
        Self::around(config, prepare, |kernel| kernel)
    }

    /// With something around the source that stands for udev.
    pub(crate) fn around(
        config: ServerConfig,
        prepare: impl FnOnce(&ScriptedHost),
        around: impl FnOnce(Arc<dyn NodeDeviceSource>) -> Arc<dyn NodeDeviceSource>,
    ) -> Self {
        let streams = builtin_streams();
        let stream = |id: &str| streams.iter().find(|s| s.id.as_str() == id).unwrap().clone();
        let info = SourceInfo::new("udev", "1").with_stream(stream(SourceId::UDEV));
        let (kernel, host) = ScriptedSource::with_info(info);
        let info = SourceInfo::new("mdevctl", "1").with_stream(stream(SourceId::MDEVCTL_DEFINED));
        let (mdevctl, definitions) = ScriptedSource::with_info(info);
        for interface in ["eth0", "eth1"] {
            host.set(&id(interface), link(interface, "one"));
        }
        definitions.set(&DeviceId::mdev(UUID, "0000:00:02.0"), definition());
        prepare(&host);
        let registry = Registry::builder().source(around(kernel)).source(mdevctl).start().unwrap();
        let server = Server::new(registry.clone(), config);
        let folder = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for (name, access) in [("rw", Access::ReadWrite), ("ro", Access::ReadOnly)] {
            let options = SocketOptions::default();
            let BoundSocket { listener, file } = bind(&folder.path().join(name), &options).unwrap();
            server.listen(Listener::unix(listener, access, AuthScheme::None));
            files.push(file);
        }
        Self { host, definitions, registry, server, folder, _files: files }
    }

    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client on the read-write socket that has called nothing yet.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.socket("rw")).await
    }

    /// A client that has opened its connection.
    pub(crate) async fn open(&self) -> Client {
        let mut client = self.client().await;
        client.open(0).await;
        client
    }

    /// A network interface appears; its device is called `net_NAME_`.
    pub(crate) fn plug(&self, interface: &str) {
        self.change(interface, "one");
    }

    pub(crate) fn change(&self, interface: &str, driver: &str) {
        self.host.set(&id(interface), link(interface, driver));
    }

    pub(crate) fn unplug(&self, interface: &str) {
        self.host.remove(&id(interface));
    }

    pub(crate) fn undefine(&self) {
        self.definitions.remove(&DeviceId::mdev(UUID, "0000:00:02.0"));
    }

    pub(crate) fn define(&self) {
        self.definitions.set(&DeviceId::mdev(UUID, "0000:00:02.0"), definition());
    }
}

pub(crate) fn id(interface: &str) -> DeviceId {
    DeviceId::sysfs(&format!("/sys/devices/virtual/net/{interface}")).unwrap()
}

pub(crate) fn link(interface: &str, driver: &str) -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(device::PATH, format!("/sys/devices/virtual/net/{interface}"));
    fields.set(device::DRIVER, driver);
    fields.set(net::INTERFACE, interface);
    fields.set(net::ADDRESS, "");
    fields
}

fn definition() -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Mdev);
    fields.set(mdev::UUID, UUID);
    fields.set(mdev::PARENT_ADDR, "0000:00:02.0");
    fields.set(mdev::DEFINED_TYPE, "mtty-1");
    fields
}
