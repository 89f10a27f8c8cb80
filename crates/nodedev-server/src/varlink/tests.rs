//! Connections over a socket pair, with a registry over a scripted source.

mod actions;
mod calls;
mod frames;
mod leaving;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig};
use nodedev_source::Presence;
use nodedev_source_testkit::{ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, net};
use nodedev_types::{Capability, DeviceId, FieldSet, Fields};
use nodedev_varlink::{INTERFACE, WatchReply};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{METHODS, Rights, serve};
use crate::counts::Counts;
use crate::session::Denial;

/// A host with a scripted source, and the registry over it.
struct Rig {
    host: ScriptedHost,
    registry: Registry,
    places: Arc<Semaphore>,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Rig {
    fn new() -> Self {
        Self::with(RegistryConfig::default(), &["eth0", "eth1"])
    }

    fn with(config: RegistryConfig, interfaces: &[&str]) -> Self {
        Self::prepared(config, interfaces, |_| {})
    }

    /// `prepare` comes before the registry starts.
    fn prepared(
        config: RegistryConfig,
        interfaces: &[&str],
        prepare: impl FnOnce(&ScriptedHost),
    ) -> Self {
        let fields = FieldSet::new()
            .with(net::INTERFACE)
            .with(device::CAPABILITY)
            .with(device::DEVNODE)
            .with(net::ADDRESS);
        let (source, host) = ScriptedSource::new("udev", Presence::Active, fields);
        interfaces.iter().for_each(|name| set(&host, name, "02:00:00:00:00:01"));
        prepare(&host);
        let source: Arc<ScriptedSource> = source;
        let registry = Registry::builder().config(config).source(source).start().unwrap();
        Self {
            host,
            registry,
            places: Arc::new(Semaphore::new(1)),
            stop: tokio::sync::watch::channel(false).0,
        }
    }

    fn client(&self) -> Client {
        self.client_that_may(true)
    }

    fn client_that_may(&self, change: bool) -> Client {
        self.client_with(Rights::Fixed(change.then_some(()).ok_or(Denial::Forbidden)))
    }

    fn client_with(&self, rights: Rights) -> Client {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let served = tokio::spawn(serve(
            theirs,
            self.registry.clone(),
            rights,
            Arc::clone(&self.places).into(),
            Arc::new(Counts::new(METHODS)),
            self.stop.subscribe(),
        ));
        Client { stream: BufReader::new(ours), served }
    }
}

fn id(interface: &str) -> DeviceId {
    DeviceId::sysfs(&format!("/sys/devices/virtual/net/{interface}")).unwrap()
}

fn set(host: &ScriptedHost, interface: &str, address: &str) {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(net::INTERFACE, interface);
    fields.set(net::ADDRESS, address);
    host.set(&id(interface), fields);
}

/// A change whose event is long, so that few of them fill any buffer.
fn set_long(host: &ScriptedHost, number: usize) {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(net::INTERFACE, "eth0");
    fields.set(device::DEVNODE, format!("/dev/{number}/{}", "x".repeat(16 * 1024)));
    host.set(&id("eth0"), fields);
}

/// The other end.
struct Client {
    stream: BufReader<UnixStream>,
    served: JoinHandle<()>,
}

impl Client {
    async fn send(&mut self, call: &Value) {
        self.stream.write_all(format!("{call}\0").as_bytes()).await.unwrap();
    }

    /// The next message, if one comes before the end.
    async fn receive(&mut self) -> Option<Value> {
        let mut message = Vec::new();
        self.stream.read_until(0, &mut message).await.unwrap();
        let text = message.strip_suffix(b"\0")?;
        Some(serde_json::from_slice(text).unwrap())
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.send(&json!({ "method": method, "parameters": parameters })).await;
        self.receive().await.unwrap()
    }

    async fn ask<R: DeserializeOwned>(&mut self, method: &str, parameters: Value) -> R {
        let mut reply = self.call(&format!("{INTERFACE}.{method}"), parameters).await;
        assert_eq!(reply.get("error"), None, "{reply}");
        serde_json::from_value(reply["parameters"].take()).unwrap()
    }

    async fn watch(&mut self, since: Value) -> WatchReply {
        let method = format!("{INTERFACE}.Watch");
        self.send(&json!({ "method": method, "parameters": since, "more": true })).await;
        self.next().await
    }

    async fn next(&mut self) -> WatchReply {
        let mut reply = self.receive().await.unwrap();
        assert_eq!(reply["continues"], true, "{reply}");
        serde_json::from_value(reply["parameters"].take()).unwrap()
    }

    /// Waits until the service has let go of the connection.
    async fn end(self) {
        tokio::time::timeout(Duration::from_secs(5), self.served).await.unwrap().unwrap();
    }
}
