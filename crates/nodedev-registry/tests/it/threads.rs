//! Sources with threads of their own: one that keeps its thread keeps none that others need, however often
//! it is started again.

#![expect(clippy::unwrap_used, reason = "a registry that ends too early fails the test")]

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use nodedev_registry::{Registry, RegistryConfig, Snapshot, SourceState};
use nodedev_source::{
    EventSink, HintStream, NodeDeviceSource, Snapshot as Reading, SourceError, SourceInfo, Watch,
    async_trait,
};
use nodedev_source_testkit::ScriptedSource;
use nodedev_types::{DeviceId, Observation};

use crate::host::{link, next, soon, status, udev};

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

    async fn snapshot(&self) -> Result<Reading, SourceError> {
        let _ended = self.end.lock().unwrap().recv();
        self.inner.snapshot().await
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        self.inner.refresh(id).await
    }
}

#[tokio::test]
async fn a_source_that_keeps_its_thread_keeps_none_that_others_need() {
    let (held, end) = mpsc::channel();
    let (inner, _host) = ScriptedSource::with_info(SourceInfo::new("acme", "1"));
    let blocking = Blocking { inner, end: Mutex::new(end) };
    let (kernel, host) = udev();
    let mut config = RegistryConfig::default();
    config.own_threads = true;
    (config.watch, config.snapshot) = (Duration::from_secs(1), Duration::from_secs(1));
    config.backoff = Duration::from_millis(10);
    let registry = Registry::builder()
        .source(Arc::new(blocking))
        .source(kernel)
        .config(config)
        .start()
        .unwrap();
    // This test has one thread: had the source taken it, nothing would come any more.
    registry.ready().await;
    let (_, mut events) = registry.subscribe();
    let mut lists = registry.changes();
    for restarts in 0..3 {
        let (id, fields) = link(&format!("eth{restarts}"));
        host.set(&id, fields);
        assert_eq!(next(&mut events).await, [format!("created net_eth{restarts}_")]);
        assert_eq!(status(&registry, "udev").state, SourceState::Running);
        let is_started_again =
            |list: &Arc<Snapshot>| list.sources().iter().any(|source| source.restarts > restarts);
        soon(lists.wait_for(is_started_again)).await.unwrap();
    }
    let failure = status(&registry, "acme");
    assert!(format!("{failure:?}").contains("no answer within 1s"), "{failure:?}");
    drop(held);
    registry.shutdown().await;
}
