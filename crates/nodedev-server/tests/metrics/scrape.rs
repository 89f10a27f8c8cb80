//! Asking for metrics: a host, a server with a socket for scrapes, and one request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nodedev_registry::Registry;
use nodedev_server::socket::{BoundSocket, SocketFile, SocketOptions, bind};
use nodedev_server::{Access, AuthScheme, Listener, Server, ServerConfig};
use nodedev_source::{NodeDeviceSource, Presence};
use nodedev_source_testkit::{ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, net};
use nodedev_types::{Capability, DeviceId, FieldSet, Fields};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::openmetrics::{Families, read};

/// Longer than anything takes; a test that waits for it has failed.
const LONG: Duration = Duration::from_secs(60);

pub(crate) struct Rig {
    pub(crate) host: ScriptedHost,
    pub(crate) server: Server,
    folder: TempDir,
    _files: Vec<SocketFile>,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let fields = FieldSet::new()
            .with(device::CAPABILITY)
            .with(device::PATH)
            .with(net::INTERFACE)
            .with(net::ADDRESS);
        let (source, host) = ScriptedSource::new("udev", Presence::Active, fields);
        let source: Arc<dyn NodeDeviceSource> = source;
        let registry = Registry::builder().source(source).start().unwrap();
        registry.ready().await;
        let server = Server::new(registry, ServerConfig::default());
        let folder = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        let mut open = |name: &str| {
            let options = SocketOptions::default();
            let BoundSocket { listener, file } = bind(&folder.path().join(name), &options).unwrap();
            files.push(file);
            listener
        };
        server.listen(Listener::unix(open("rw"), Access::ReadWrite, AuthScheme::None));
        server.listen(Listener::varlink(open("varlink"), AuthScheme::None));
        server.listen(Listener::metrics_unix(open("metrics")));
        Self { host, server, folder, _files: files }
    }

    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn plug(&self, interface: &str) {
        let path = format!("/sys/devices/virtual/net/{interface}");
        let mut fields = Fields::new();
        fields.set(device::CAPABILITY, Capability::Net);
        fields.set(device::PATH, path.as_str());
        fields.set(net::INTERFACE, interface);
        self.host.set(&DeviceId::sysfs(&path).unwrap(), fields);
    }

    pub(crate) async fn connect(&self, name: &str) -> UnixStream {
        UnixStream::connect(self.socket(name)).await.unwrap()
    }

    /// The whole answer to a request, to the end of the connection.
    pub(crate) async fn ask(&self, request: &[u8]) -> String {
        let mut stream = self.connect("metrics").await;
        stream.write_all(request).await.unwrap();
        answer(&mut stream).await
    }

    /// The families, checked.
    pub(crate) async fn scrape(&self) -> Families {
        let answer = self.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let length = format!("Content-Length: {}", body.len());
        assert!(head.contains(&length), "{head}");
        assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0;"));
        read(body).unwrap_or_else(|why| panic!("{why}\n{body}"))
    }

    /// Scrapes until a number is as wanted: what happens shows a moment later.
    pub(crate) async fn until(&self, name: &str, labels: &[(&str, &str)], wanted: f64) {
        let seen = async {
            loop {
                let families = self.scrape().await;
                if number(&families, name, labels) == Some(wanted) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(LONG, seen).await.is_err() {
            panic!("{name} {labels:?} is not {wanted}: {:#?}", self.scrape().await);
        }
    }
}

pub(crate) async fn answer(stream: &mut UnixStream) -> String {
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(LONG, read).await.expect("it is answered").unwrap();
    answer
}

/// The sample of that name with just those labels, without regard to `le`.
pub(crate) fn number(families: &Families, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let mut samples = families.values().flat_map(|family| &family.samples);
    let found = samples.find(|sample| {
        let mut own = sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        sample.name == name && own.len() == labels.len() && own.all(|label| labels.contains(&label))
    });
    found.map(|sample| sample.value)
}
