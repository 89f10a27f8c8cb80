//! The source: who it is, all that it knows, and one device for one caller.

use std::io;
use std::path::Path;
use std::sync::Arc;

use nodedev_source::{
    ErrorKind, EventSink, HintStream, Listing, NodeDeviceSource, Presence, RevisionCounter,
    Snapshot, SourceError, SourceInfo, StreamInfo, Watch, async_trait,
};
use nodedev_types::fields::device;
use nodedev_types::{DeviceId, FieldSet, Observation, SourceId};
use tokio::task::spawn_blocking;

use crate::reading::{self, Device};
use crate::watch;

/// Name of the source, of its only stream and of its name space.
pub(crate) const NAME: &str = "template";

/// A source of the devices that a folder has files of.
#[derive(Debug)]
pub struct TemplateSource {
    folder: Arc<Path>,
    revisions: Arc<RevisionCounter>,
}

impl TemplateSource {
    /// A source over this folder. Reads nothing yet.
    #[must_use]
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self { folder: folder.as_ref().into(), revisions: Arc::default() }
    }

    /// What failed, sorted by what can be done about it.
    fn failure(&self, error: io::Error) -> SourceError {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::Unavailable,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Failed,
        };
        SourceError::new(kind, format!("reading {}", self.folder.display())).with_source(error)
    }
}

#[async_trait]
impl NodeDeviceSource for TemplateSource {
    fn info(&self) -> SourceInfo {
        // All that it may ever say, and what it means that it speaks of a device.
        let fields = FieldSet::new().with(device::DRIVER);
        let stream = StreamInfo::new(NAME, Presence::Active, fields).with_namespace(NAME);
        SourceInfo::new(NAME, env!("CARGO_PKG_VERSION")).with_stream(stream)
    }

    async fn watch(&self, sink: EventSink, _hints: HintStream) -> Result<Watch, SourceError> {
        let (folder, revisions) = (Arc::clone(&self.folder), Arc::clone(&self.revisions));
        watch::arm(folder, revisions, sink).map_err(|error| self.failure(error))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        // Before anything is read, so that this never overrules what is said after it began.
        let (source, revision) = (SourceId::new(NAME), self.revisions.next());
        let folder = Arc::clone(&self.folder);
        // Files may hang; the threads that serve clients must not.
        let reading = spawn_blocking(move || reading::read_all(&folder));
        let read = reading.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let found = read.map_err(|error| self.failure(error))?;
        let devices = found.devices.into_iter().map(|(device, fields)| {
            let source = source.clone();
            Observation { source, device, revision, fields }
        });
        let listing = Listing::complete(source.clone(), revision, devices.collect());
        let mut snapshot = Snapshot::new().with_listing(listing.with_unreadable(found.unreadable));
        snapshot.diagnostics = found.diagnostics;
        tracing::debug!(source = NAME, %revision, "listed");
        Ok(snapshot)
    }

    /// Reads again what may change without any event, for the one caller that asks.
    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        let DeviceId::Foreign { namespace, key } = id else { return Ok(None) };
        if **namespace != *NAME {
            return Ok(None);
        }
        let revision = self.revisions.next();
        let (folder, name) = (Arc::clone(&self.folder), Arc::clone(key));
        let reading = spawn_blocking(move || reading::read_one(&folder, &name));
        match reading.await.map_err(|error| self.failure(io::Error::other(error)))? {
            Device::There(fields) => {
                let (source, device) = (SourceId::new(NAME), id.clone());
                Ok(Some(Observation { source, device, revision, fields }))
            }
            Device::Unreadable(why) => Err(SourceError::new(ErrorKind::Failed, why.to_string())),
            Device::Gone => Err(SourceError::new(ErrorKind::Gone, format!("{id} is not there"))),
        }
    }
}
