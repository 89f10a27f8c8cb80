//! A whole source: devices that an administrator has written down in a TOML file.
//!
//! Each table is a device, each entry in it a field, of the known model or of the name space
//! `static`. A bad entry costs itself. A file that has changed is read again as a whole.
//!
//! ```toml
//! [door]
//! driver = "acme"
//! "static:room" = "cellar"
//! ```
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use futures_core::Stream;
use inotify::{Inotify, WatchMask};
use nodedev_source::{
    ErrorKind, EventSink, HintStream, Listing, NodeDeviceSource, Presence, RevisionCounter,
    Snapshot, SourceError, SourceEvent, SourceInfo, StreamInfo, Watch, async_trait,
};
use nodedev_types::fields::device;
use nodedev_types::{
    DeviceId, Diagnostic, FieldName, FieldSet, Fields, Observation, SourceId, UnknownField, Value,
};
use tokio::task::JoinSet;

/// Name of the source, of its only stream and of its name space.
const NAME: &str = "static";

/// A source of the devices that a file names.
#[derive(Debug)]
pub struct StaticSource {
    file: PathBuf,
    revisions: RevisionCounter,
}

impl StaticSource {
    /// A source over this file, which may appear later in a directory that is there.
    pub fn from_file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), revisions: RevisionCounter::new() }
    }

    fn failure(&self, error: io::Error) -> SourceError {
        SourceError::new(kind(&error), format!("reading {}", self.file.display()))
            .with_source(error)
    }
}

fn kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::Unavailable,
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::InvalidData => ErrorKind::Malformed,
        _ => ErrorKind::Failed,
    }
}

fn fields() -> FieldSet {
    FieldSet::new().with(device::CAPABILITY).with(device::DRIVER).with_namespace(NAME)
}

/// Reads a device's fields one by one, so that a bad one costs no other.
fn read_fields(key: &str, value: toml::Value, diagnostics: &mut Vec<Diagnostic>) -> Option<Fields> {
    let toml::Value::Table(entries) = value else {
        diagnostics
            .push(Diagnostic::warning(key, format!("is a {}, not a table", value.type_str())));
        return None;
    };
    let mut said = Fields::new();
    for (name, value) in entries {
        if let Err(problem) = read_field(&name, value).map(|(name, value)| said.insert(name, value))
        {
            diagnostics.push(Diagnostic::warning(key, problem).with_attribute(name));
        }
    }
    Some(said)
}

/// A field by its name, with a value of the type that it has.
fn read_field(name: &str, value: toml::Value) -> Result<(FieldName, Value), String> {
    let name: FieldName = name.parse().map_err(|error: UnknownField| error.to_string())?;
    if !fields().contains(&name) {
        return Err("is not ours to say".to_owned());
    }
    let value = name.read_value(value).map_err(|error| error.message().to_owned())?;
    Ok((name, value))
}

#[async_trait]
impl NodeDeviceSource for StaticSource {
    fn info(&self) -> SourceInfo {
        let stream = StreamInfo::new(NAME, Presence::Active, fields()).with_namespace(NAME);
        SourceInfo::new(NAME, env!("CARGO_PKG_VERSION")).with_stream(stream)
    }

    async fn watch(&self, sink: EventSink, _hints: HintStream) -> Result<Watch, SourceError> {
        let arm = || {
            let inotify = Inotify::init()?;
            let above = self.file.parent().filter(|above| !above.as_os_str().is_empty());
            let wanted =
                WatchMask::CLOSE_WRITE | WatchMask::MOVE | WatchMask::DELETE | WatchMask::ATTRIB;
            inotify.watches().add(above.unwrap_or_else(|| Path::new(".")), wanted)?;
            inotify.into_event_stream([0; 4096])
        };
        let mut events = arm().map_err(|error| self.failure(error))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while poll_fn(|context| Pin::new(&mut events).poll_next(context)).await.is_some() {
                sink.send(SourceEvent::Resync { reason: "the directory has changed".to_owned() });
            }
        });
        Ok(Watch::new(tasks))
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let (source, revision) = (SourceId::new(NAME), self.revisions.next());
        let read = tokio::fs::read_to_string(&self.file).await;
        let text = read.map_err(|error| self.failure(error))?;
        let malformed = |error| self.failure(io::Error::new(io::ErrorKind::InvalidData, error));
        let tables = toml::from_str::<toml::Table>(&text).map_err(malformed)?;
        let (mut devices, mut snapshot) = (Vec::new(), Snapshot::new());
        for (key, value) in tables {
            if let Some(fields) = read_fields(&key, value, &mut snapshot.diagnostics) {
                let (source, device) = (source.clone(), DeviceId::foreign(NAME, &key));
                devices.push(Observation { source, device, revision, fields });
            }
        }
        Ok(snapshot.with_listing(Listing::complete(source, revision, devices)))
    }

    async fn refresh(&self, id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        if !matches!(id, DeviceId::Foreign { namespace, .. } if **namespace == *NAME) {
            return Ok(None);
        }
        let listings = self.snapshot().await?.listings;
        let found =
            listings.into_iter().flat_map(|l| l.devices).flatten().find(|d| d.device == *id);
        let gone = || SourceError::new(ErrorKind::Gone, format!("{id} is not in the file"));
        let mut said = found.ok_or_else(gone)?;
        let mut on_dump = Fields::new();
        on_dump.set_opt(device::DRIVER, said.fields.get(device::DRIVER));
        said.fields = on_dump;
        Ok(Some(said))
    }
}

#[tokio::main(flavor = "current_thread")]
#[allow(dead_code, reason = "a program by itself, a module in its conformance test")]
#[allow(clippy::print_stdout, reason = "that is what the program does")]
async fn main() -> Result<(), SourceError> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "devices.toml".to_owned());
    println!("{:#?}", StaticSource::from_file(file).snapshot().await?);
    Ok(())
}
