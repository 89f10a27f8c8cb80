//! The source itself.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use nodedev_source::{
    Counter, EventSink, Hint, HintStream, Inventory, Listing, NodeDeviceSource, Presence,
    RevisionCounter, Snapshot, SourceError, SourceEvent, SourceInfo, StreamInfo, Watch,
};
use nodedev_types::{
    DeviceId, FieldName, FieldSet, Fields, Observation, Refresh, Revision, SourceId, Value,
};
use tokio::task::JoinHandle;

use super::ScriptedHost;
use super::state::{Armed, Shared, State, said};

/// A source that says what a [`ScriptedHost`] was told.
pub struct ScriptedSource {
    shared: Arc<Shared>,
    revisions: Arc<RevisionCounter>,
    hints: Mutex<Option<HintStream>>,
}

impl ScriptedSource {
    /// A source of one stream of the source's name, over an empty host, and the handle of that host.
    ///
    /// ```
    /// use nodedev_source::Presence;
    /// use nodedev_source_testkit::ScriptedSource;
    /// use nodedev_types::{DeviceId, FieldSet, Fields, fields::net};
    ///
    /// let fields = FieldSet::new().with(net::INTERFACE);
    /// let (source, host) = ScriptedSource::new("udev", Presence::Active, fields);
    /// let mut eth0 = Fields::new();
    /// eth0.set(net::INTERFACE, "eth0");
    /// host.set(&DeviceId::sysfs("/sys/devices/virtual/net/eth0").unwrap(), eth0);
    /// # drop(source);
    /// ```
    #[must_use]
    pub fn new(name: &str, presence: Presence, fields: FieldSet) -> (Arc<Self>, ScriptedHost) {
        let stream = StreamInfo::new(name, presence, fields);
        Self::with_info(SourceInfo::new(name, "0").with_stream(stream))
    }

    /// A source with these streams and interests, over an empty host, and the handle of that host.
    #[must_use]
    pub fn with_info(info: SourceInfo) -> (Arc<Self>, ScriptedHost) {
        let host = ScriptedHost::new(Arc::new(Shared::new(info)));
        (host.source(), host)
    }

    pub(super) fn over(shared: Arc<Shared>) -> Self {
        Self { shared, revisions: Arc::default(), hints: Mutex::default() }
    }

    fn newest_hint(&self) -> Hint {
        let hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        hints.as_ref().map(HintStream::newest).unwrap_or_default()
    }

    fn arm(&self, sink: EventSink, hints: HintStream) -> Watch {
        let id = {
            let mut state = self.shared.state();
            let id = state.next_watch;
            state.next_watch += 1;
            let revisions = Arc::clone(&self.revisions);
            state.watches.insert(id, Armed { sink, revisions });
            id
        };
        *self.hints.lock().unwrap_or_else(PoisonError::into_inner) = Some(hints.clone());
        self.shared.count(|calls| calls.watching += 1);
        self.shared.watches.add(1);
        let listener = tokio::spawn(listen(Arc::clone(&self.shared), hints, id));
        Watch::new(Guard { shared: Arc::clone(&self.shared), id, listener })
    }
}

/// Counts hints, and answers them where the host was told so.
async fn listen(shared: Arc<Shared>, mut hints: HintStream, id: usize) {
    while hints.next().await.is_some() {
        shared.count(|calls| calls.hints += 1);
        let state = shared.state();
        if let (true, Some(armed)) = (state.resync_on_hint, state.watches.get(&id)) {
            armed.sink.send(SourceEvent::Resync { reason: "hint".to_owned() });
        }
    }
}

struct Guard {
    shared: Arc<Shared>,
    id: usize,
    listener: JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.listener.abort();
        self.shared.state().watches.remove(&self.id);
        self.shared.count(|calls| calls.watching -= 1);
        self.shared.watches.sub(1);
    }
}

#[async_trait]
impl NodeDeviceSource for ScriptedSource {
    fn info(&self) -> SourceInfo {
        self.shared.info.clone()
    }

    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        self.shared.count(|calls| calls.watch += 1);
        let behaviour = self.shared.state().on_watch.take();
        if behaviour.act("watch").await? {
            sink.send(SourceEvent::Observed(garbage(&DeviceId::Computer, self.revisions.next())));
        }
        tracing::debug!(source = %self.shared.info.name, "armed");
        Ok(self.arm(sink, hints))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        self.shared.count(|calls| calls.snapshot += 1);
        let behaviour = self.shared.state().on_snapshot.take();
        let is_garbage = behaviour.act("snapshot").await?;
        let answers = self.newest_hint();
        let (mut snapshot, hold) = {
            let mut state = self.shared.state();
            (state.read(&self.revisions, answers), state.hold.clone())
        };
        if is_garbage {
            let revision = self.revisions.next();
            let word = garbage(&DeviceId::Computer, revision);
            let source = word.source.clone();
            snapshot.listings.push(Listing::complete(source, revision, vec![word]));
        }
        if let Some(hold) = hold {
            hold.wait().await;
        }
        tracing::debug!(source = %self.shared.info.name, "read");
        Ok(snapshot)
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        self.shared.count(|calls| calls.refresh += 1);
        let behaviour = self.shared.state().on_refresh.take();
        let is_garbage = behaviour.act("refresh").await?;
        let revision = self.revisions.next();
        if is_garbage {
            return Ok(Some(garbage(id, revision)));
        }
        Ok(read_again(&self.shared.state(), id, revision))
    }

    async fn inventory(&self) -> Result<Option<Inventory>, SourceError> {
        self.shared.count(|calls| calls.inventory += 1);
        let behaviour = self.shared.state().on_inventory.take();
        behaviour.act("inventory").await?;
        Ok(Some(self.shared.state().inventory()))
    }

    fn counters(&self) -> Vec<Counter> {
        vec![self.shared.said.clone(), self.shared.watches.clone()]
    }
}

/// What the streams say of the device's fields that are read on dump, now.
fn read_again(state: &State, id: &DeviceId, revision: Revision) -> Option<Observation> {
    let (source, stored) = state
        .streams
        .iter()
        .find_map(|(source, stream)| Some((source, stream.devices.get(id)?)))?;
    let fields = state.dynamic.get(id).unwrap_or(stored);
    let on_dump: Fields = fields
        .iter()
        .filter(|(name, _)| matches!(name, FieldName::Known(f) if f.refresh() == Refresh::OnDump))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!on_dump.is_empty() || state.dynamic.contains_key(id))
        .then(|| said(source, id, revision, &on_dump))
}

fn garbage(device: &DeviceId, revision: Revision) -> Observation {
    let word = (FieldName::extension("garbage", "word"), Value::from("garbage"));
    said(&SourceId::new("garbage"), device, revision, &[word].into_iter().collect())
}

impl fmt::Debug for ScriptedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedSource")
            .field("name", &self.shared.info.name)
            .finish_non_exhaustive()
    }
}
