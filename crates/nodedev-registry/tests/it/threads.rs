//! Sources with threads of their own: one that keeps its thread keeps none that others need.

#![expect(clippy::unwrap_used, reason = "a registry that ends too early fails the test")]

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig, SourceState};
use nodedev_source::{
    EventSink, HintStream, NodeDeviceSource, Snapshot, SourceError, SourceInfo, Watch, async_trait,
};
use nodedev_source_testkit::ScriptedSource;
use nodedev_types::{DeviceId, Observation};
use tokio::runtime::Builder;

use crate::host::{link, next, status, udev};

/// Holds the thread of each snapshot until its other end is dropped, which the contract forbids.
#[derive(Debug)]
struct Blocking {
    inner: Arc<ScriptedSource>,
    end: Mutex<mpsc::Receiver<()>>,
}

#[async_trait]
impl NodeDeviceSource for Blocking {
    fn info(&self) -> SourceInfo {
        self.inner.info()
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        self.inner.watch(sink, hints).await
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let _ended = self.end.lock().unwrap().recv();
        self.inner.snapshot().await
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        self.inner.refresh(id).await
    }
}

#[tokio::test]
async fn a_source_that_keeps_its_thread_keeps_none_of_those_who_serve() {
    let (held, end) = mpsc::channel();
    let (inner, _host) = ScriptedSource::with_info(SourceInfo::new("acme", "1"));
    let blocking = Blocking { inner, end: Mutex::new(end) };
    let (kernel, host) = udev();
    let sources = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut config = RegistryConfig::default();
    config.snapshot = Duration::from_millis(100);
    let registry = Registry::builder()
        .source(Arc::new(blocking))
        .source(kernel)
        .config(config)
        .sources_on(sources.handle().clone())
        .start()
        .unwrap();
    // This test has one thread: had the source taken it, nothing would come any more.
    registry.ready().await;
    let (_, mut events) = registry.subscribe();
    let (id, fields) = link("eth0");
    host.set(&id, fields);
    assert_eq!(next(&mut events).await, ["created net_eth0_"]);
    assert_eq!(status(&registry, "udev").state, SourceState::Running);
    let SourceState::Degraded(reason) = status(&registry, "acme").state else {
        panic!("it is {:?}", status(&registry, "acme").state);
    };
    assert!(reason.contains("no answer within 100ms"), "{reason}");
    drop(held);
    registry.shutdown().await;
    sources.shutdown_background();
}
