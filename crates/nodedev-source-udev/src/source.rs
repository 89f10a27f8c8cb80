//! The source as the registry sees it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use nodedev_source::{
    Counter, ErrorKind, EventSink, HintStream, Inventory, NodeDeviceSource, Presence, Snapshot,
    SourceError, SourceInfo, StreamInfo, Watch, async_trait,
};
use nodedev_types::{DeviceId, Field, FieldName, FieldSet, Fields, Observation, Refresh, SourceId};
use tokio::sync::{Semaphore, oneshot};

use crate::config::UdevConfig;
use crate::coordinator::Coordinator;
use crate::error::UdevError;
use crate::inner::Inner;
use crate::monitor::{self, StopSignal};
use crate::pool::{Keeper, Priority};
use crate::queue::{EventQueue, event_queue};
use crate::reader::Outcome;
use crate::{inventory, snapshot};

/// Fields that only mdevctl knows.
const OTHERS_FIELDS: [Field; 4] = [
    Field::DeviceAutostart,
    Field::MdevAttributes,
    Field::MdevDefinedType,
    Field::MdevDefinedAttributes,
];

/// What the kernel and udevd say of the host's devices.
///
/// One stream, `udev`, which asserts that its devices exist. Identities are sysfs paths, except for
/// `computer` and for mediated devices, which are known by uuid and parent address.
pub struct UdevSource {
    inner: Arc<Inner>,
}

impl fmt::Debug for UdevSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UdevSource").field(&self.inner).finish()
    }
}

impl UdevSource {
    /// A source with these settings. Starts no thread and reads nothing yet.
    #[must_use]
    pub fn new(config: UdevConfig) -> Self {
        Self { inner: Arc::new(Inner::new(config)) }
    }

    /// What every file hangs off.
    pub(crate) fn root(&self) -> &Path {
        &self.inner.host.config.root
    }

    /// Places of those who write to a file.
    pub(crate) fn writers(&self) -> &Arc<Semaphore> {
        &self.inner.writers
    }
}

impl Default for UdevSource {
    fn default() -> Self {
        Self::new(UdevConfig::default())
    }
}

/// Ends the threads of a watch when it is dropped.
struct WatchGuard {
    stop: Arc<StopSignal>,
    queue: EventQueue,
    _keeper: Keeper,
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.queue.close();
        self.stop.stop();
    }
}

/// A receiver that panics leaves a source that hears nothing: that is its failure.
struct EndOfReceiver(EventQueue);

impl Drop for EndOfReceiver {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail("the receiver of events has panicked".to_owned());
        }
    }
}

#[async_trait]
impl NodeDeviceSource for UdevSource {
    fn info(&self) -> SourceInfo {
        let fields = Field::ALL.iter().copied().filter(|field| !OTHERS_FIELDS.contains(field));
        SourceInfo::new("udev", env!("CARGO_PKG_VERSION")).with_stream(StreamInfo::new(
            SourceId::UDEV,
            Presence::Active,
            FieldSet::new().with_fields(fields),
        ))
    }

    async fn watch(&self, sink: EventSink, _hints: HintStream) -> Result<Watch, SourceError> {
        let config = &self.inner.host.config;
        let (queue, messages) = event_queue(config.event_queue, self.inner.counts.clone());
        let stop = Arc::new(StopSignal::new().map_err(UdevError::Resources)?);
        let guard = WatchGuard {
            stop: Arc::clone(&stop),
            queue: queue.clone(),
            _keeper: self.inner.pool.keep(),
        };
        let (armed, is_armed) = oneshot::channel();
        let settings = monitor::Settings {
            receive_buffer: config.receive_buffer,
            udevd_check: config.udevd_check,
        };
        let events = queue.clone();
        let monitor_stop = Arc::clone(&stop);
        spawn("udev-monitor", move || {
            let _end = EndOfReceiver(events.clone());
            monitor::run(settings, &events, &monitor_stop, armed);
        })?;
        is_armed.await.map_err(|_| UdevError::NoAnswer)??;
        let coordinator = Coordinator::new(Arc::clone(&self.inner), queue.clone(), sink);
        spawn("udev-events", move || {
            coordinator.run(&messages);
            // Without it nobody takes events: the receiver ends as well.
            stop.stop();
        })?;
        *self.inner.watch() = Some(queue);
        Ok(Watch::new(guard))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        snapshot::take(&self.inner).await
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        let revision = self.inner.revisions.next();
        let Some(path) = self.path_of(id).await? else {
            return Ok(None);
        };
        let subject = path.clone();
        let reading = self.inner.ask(&subject, Priority::Asked, move |host, announcer| {
            host.read_again(&path, announcer)
        });
        let fields = dynamic_fields(id, reading.await?)?;
        Ok(Some(Observation {
            source: SourceId::new(SourceId::UDEV),
            device: id.clone(),
            revision,
            fields,
        }))
    }

    async fn inventory(&self) -> Result<Option<Inventory>, SourceError> {
        inventory::take(&self.inner).await.map(Some)
    }

    fn counters(&self) -> Vec<Counter> {
        self.inner.counts.all()
    }
}

impl UdevSource {
    /// Where a device lies. `None` for what has no files of its own.
    async fn path_of(&self, id: &DeviceId) -> Result<Option<String>, SourceError> {
        match id {
            DeviceId::Sysfs(path) => Ok(Some(path.as_str().to_owned())),
            DeviceId::Mdev { uuid, .. } => {
                let said = self.inner.memory().path_of(id).map(str::to_owned);
                if said.is_some() {
                    return Ok(said);
                }
                let uuid = uuid.as_str().to_owned();
                let subject = format!("mediated device {uuid}");
                let found = self
                    .inner
                    .ask(&subject, Priority::Asked, move |host, a| host.mdev_path(&uuid, a));
                let path = found.await?;
                path.map(Some).ok_or_else(|| gone(id))
            }
            _ => Ok(None),
        }
    }
}

/// Of what was read, the fields that are read again for each document.
fn dynamic_fields(id: &DeviceId, outcome: Outcome) -> Result<Fields, SourceError> {
    match outcome {
        // Mostly nothing else was read.
        Outcome::Observed { id: found, fields, .. }
            if found == *id && fields.iter().all(|(name, _)| is_dynamic(name)) =>
        {
            Ok(fields)
        }
        Outcome::Observed { id: found, fields, .. } if found == *id => Ok(fields
            .iter()
            .filter(|(name, _)| is_dynamic(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()),
        Outcome::Observed { .. } | Outcome::NotADevice | Outcome::Vanished => Err(gone(id)),
        Outcome::NotYet { diagnostic, .. } | Outcome::Held { diagnostic, .. } => {
            Err(SourceError::new(ErrorKind::Failed, diagnostic.to_string()))
        }
        Outcome::Unreadable { id: known, diagnostic, .. } => {
            // Only a reader that hung could not tell whom it was reading.
            let kind = known.map_or(ErrorKind::Timeout, |_| ErrorKind::Malformed);
            Err(SourceError::new(kind, diagnostic.to_string()))
        }
        Outcome::NoReader(lost) => Err(UdevError::Reader { subject: id.to_string(), lost }.into()),
    }
}

const fn is_dynamic(name: &FieldName) -> bool {
    matches!(name, FieldName::Known(field) if matches!(field.refresh(), Refresh::OnDump))
}

fn gone(id: &DeviceId) -> SourceError {
    SourceError::new(ErrorKind::Gone, format!("{id} has gone"))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), SourceError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map(drop).map_err(|error| UdevError::Resources(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::queue::Message;

    #[test]
    fn a_receiver_that_panics_is_a_failure_of_the_source_and_one_that_ends_is_none() {
        let (queue, messages) = event_queue(1, Counts::default());
        let receiver = |panics: bool| {
            let end = EndOfReceiver(queue.clone());
            let run = move || {
                let _end = end;
                assert!(!panics, "on purpose");
            };
            let _ = thread::spawn(run).join();
        };
        receiver(false);
        assert!(messages.try_recv().is_err());
        receiver(true);
        assert!(
            matches!(messages.try_recv(), Ok(Message::Failed(why)) if why.contains("panicked"))
        );
    }
}
