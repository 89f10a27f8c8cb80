//! The source: runs mdevctl for a snapshot and turns what it prints into listings.
//!
//! Remembers nothing of devices: only the hints that it answers and which mdevctl it is.

use std::env;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nodedev_source::{
    Counter, ErrorKind, EventSink, Hint, HintStream, Listing, NodeDeviceSource, Presence,
    RevisionCounter, Snapshot, SourceError, SourceInfo, StreamInfo, Watch, async_trait,
};
use nodedev_types::fields::{device, mdev};
use nodedev_types::{
    Capability, DeviceId, Diagnostic, FieldSet, Observation, Revision, Severity, SourceId,
};
use tokio::sync::watch;

use crate::binary::Binary;
use crate::command::{self, Output, Run};
use crate::config::MdevctlConfig;
use crate::counts::Counts;
use crate::definitions::{self, Reading};
use crate::entry::{Entries, Stream};
use crate::files::{Files, Unseen};
use crate::lack::Lack;
use crate::left_behind::LeftBehind;
use crate::listing;
use crate::remains::Remains;
use crate::unwatched::Unwatched;
use crate::version::VersionCache;
use crate::watch::{Means, start};

/// What mdevctl knows of mediated devices: definitions (`mdevctl/defined`) and the attributes of
/// running devices (`mdevctl/active`).
#[derive(Debug, Default)]
pub struct MdevctlSource {
    config: Arc<MdevctlConfig>,
    revisions: RevisionCounter,
    versions: VersionCache,
    counts: Counts,
    files: Files,
    left_behind: LeftBehind,
    defined_remains: Remains,
    active_remains: Remains,
    hints: Mutex<Option<HintStream>>,
    /// The newest hint that there was when the first listing since the watch was armed began.
    first: Arc<Mutex<Option<Hint>>>,
    /// Of the newest watch.
    unwatched: Mutex<Unwatched>,
    /// What the newest snapshot was made without.
    lack: watch::Sender<Option<Lack>>,
}

impl MdevctlSource {
    /// A source with these settings. Runs and reads nothing yet.
    #[must_use]
    pub fn new(config: MdevctlConfig) -> Self {
        Self { config: Arc::new(config), ..Self::default() }
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &MdevctlConfig {
        &self.config
    }

    /// What it counts.
    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How it looks at files.
    pub(crate) const fn files(&self) -> &Files {
        &self.files
    }

    /// What its actions have left running.
    pub(crate) const fn left_behind(&self) -> &LeftBehind {
        &self.left_behind
    }

    /// What runs for this stream have left that does not end.
    pub(crate) const fn remains(&self, stream: Stream) -> &Remains {
        match stream {
            Stream::Defined => &self.defined_remains,
            Stream::Active => &self.active_remains,
        }
    }

    /// `mdevctl X.Y.Z`, where the program tells.
    pub(crate) async fn version(&self, program: &Path) -> Option<String> {
        self.versions.of(&self.config, &self.counts, program).await
    }

    fn newest_hint(&self) -> Hint {
        let hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        hints.as_ref().map(HintStream::newest).unwrap_or_default()
    }

    /// What there is to say of the watch, if anything.
    fn unwatched(&self) -> Option<Diagnostic> {
        self.unwatched.lock().unwrap_or_else(PoisonError::into_inner).why()
    }

    fn note_listing(&self, newest: Hint) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(newest);
    }

    async fn with_mdevctl(&self, program: &Path, revision: Revision) -> Result<Parts, SourceError> {
        let binary = Binary::at(program);
        let (backend, defined, active) = tokio::join!(
            self.versions.of_known(&self.config, &self.counts, program),
            self.defined(program, revision),
            self.active(program, revision),
        );
        let mut diagnostics = defined.diagnostics;
        diagnostics.extend(active.diagnostics);
        if let (Err(error), Err(_)) = (&defined.listing.devices, &active.listing.devices) {
            if command::never_ran(error) {
                // As where there is none, but for what is said of it.
                let subject = program.display().to_string();
                let why = Diagnostic::warning(subject, error.full_message());
                return self.without_mdevctl(revision, why, binary).await;
            }
            return Err(error.clone());
        }
        let lack = defined.lack.or(active.lack);
        Ok(Parts { listings: vec![defined.listing, active.listing], diagnostics, backend, lack })
    }

    async fn defined(&self, program: &Path, revision: Revision) -> Part {
        match self.list(program, Stream::Defined).await {
            Ok(read) => match self.survey(read).await {
                Ok(read) => Part::read(Stream::Defined, revision, read),
                Err(error) => Part::failed(Stream::Defined, revision, error),
            },
            Err(Refusal::Error(error)) => Part::failed(Stream::Defined, revision, error),
            Err(Refusal::Status(output)) => self.fall_back(revision, &output).await,
        }
    }

    async fn active(&self, program: &Path, revision: Revision) -> Part {
        match self.list(program, Stream::Active).await {
            Ok(read) => Part::read(Stream::Active, revision, read),
            Err(Refusal::Status(output)) if lacks_directory(&output) => {
                Part::read(Stream::Active, revision, Entries::default()).without_directory(&output)
            }
            Err(refusal) => {
                Part::failed(Stream::Active, revision, refusal.into_error(Stream::Active))
            }
        }
    }

    async fn list(&self, program: &Path, stream: Stream) -> Result<Entries, Refusal> {
        let deadline = self.config.deadline;
        let (arguments, keeps) = (stream.arguments(), u64::MAX);
        let remains = Some(self.remains(stream));
        let run = Run { arguments, input: &[], deadline, keeps, may_leave: None, remains };
        let output =
            command::run(&self.config, &self.counts, program, run).await.map_err(Refusal::Error)?;
        if !output.status.success() {
            return Err(Refusal::Status(output));
        }
        if !output.stderr.is_empty() {
            let stderr = output.stderr.trim();
            tracing::debug!(source = "mdevctl", stream = stream.id(), stderr, "listed with words");
        }
        listing::read(&output.stdout).map_err(|reason| {
            let message = format!("{}: {reason}", command_line(stream));
            Refusal::Error(SourceError::new(ErrorKind::Malformed, message))
        })
    }

    /// mdevctl refuses all definitions because of one: the files are read one by one. Where they do
    /// not explain its refusal, it stands. They never explain that it did not come to an end of its own.
    async fn fall_back(&self, revision: Revision, output: &Output) -> Part {
        let has_ended = output.status.code().is_some();
        match self.read_definitions().await {
            Ok(Reading { entries: mut read, has_faults })
                if has_faults && has_ended || lacks_directory(output) =>
            {
                let complaint = Diagnostic::warning(
                    command_line(Stream::Defined),
                    format!("failed, definitions read one by one: {}", output.complaint()),
                );
                read.diagnostics.insert(0, complaint);
                Part::read(Stream::Defined, revision, read).without_directory(output)
            }
            Ok(_) => Part::failed(Stream::Defined, revision, refused(Stream::Defined, output)),
            Err(error) => Part::failed(Stream::Defined, revision, error),
        }
    }

    async fn without_mdevctl(
        &self,
        revision: Revision,
        why: Diagnostic,
        binary: Option<Binary>,
    ) -> Result<Parts, SourceError> {
        let read = self.read_definitions().await?.entries;
        let defined = Part::read(Stream::Defined, revision, read);
        let mut diagnostics = vec![why];
        diagnostics.extend(defined.diagnostics);
        Ok(Parts {
            listings: vec![defined.listing, Stream::Active.listing(revision, Entries::default())],
            diagnostics,
            backend: None,
            lack: Some(Lack::Program(binary)),
        })
    }

    fn not_installed(&self) -> Diagnostic {
        let program = &self.config.program;
        let subject = program.display().to_string();
        // Somebody has chosen that file; without a choice such a host is an ordinary one.
        if program.components().count() > 1 {
            return Diagnostic::warning(subject, "mdevctl is not there");
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let message = format!("mdevctl is not installed: not in PATH={}", path.display());
        Diagnostic::warning(subject, message).with_severity(Severity::Info)
    }

    async fn read_definitions(&self) -> Result<Reading, SourceError> {
        let config = Arc::clone(&self.config);
        let reading = move || definitions::read_all(&config);
        let subject = || self.config.definitions().display().to_string();
        match self.files.look_within(self.config.deadline, reading).await {
            Ok(Ok(read)) => Ok(read),
            Err(Unseen::Panicked(panicked)) => {
                let message = format!("{}: reading panicked", subject());
                Err(SourceError::new(ErrorKind::Bug, message).with_source(panicked))
            }
            Ok(Err(error)) if error.kind() != io::ErrorKind::TimedOut => {
                Err(self.unreadable_directory(error))
            }
            Ok(Err(_)) | Err(Unseen::Late) => {
                let deadline = self.config.deadline;
                let message = format!("{}: not read within {deadline:?}", subject());
                Err(SourceError::new(ErrorKind::Timeout, message))
            }
        }
    }

    /// Adds what mdevctl passed over; nothing where the directory does not answer.
    async fn survey(&self, mut read: Entries) -> Result<Entries, SourceError> {
        let (config, named) = (Arc::clone(&self.config), read.named().clone());
        let looking = move || definitions::survey(&config, &named);
        match self.files.look_within(self.config.deadline, looking).await {
            Ok(Ok(survey)) => {
                read.diagnostics.extend(survey.diagnostics);
                for (id, file, reason) in survey.closed {
                    read.unreadable(id, file, reason);
                }
                Ok(read)
            }
            Ok(Err(error)) => Err(self.unreadable_directory(error)),
            Err(_) => Ok(read),
        }
    }

    fn unreadable_directory(&self, error: io::Error) -> SourceError {
        let message = format!("{}: cannot be read", self.config.definitions().display());
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Failed,
        };
        SourceError::new(kind, message).with_source(error)
    }
}

#[async_trait]
impl NodeDeviceSource for MdevctlSource {
    fn info(&self) -> SourceInfo {
        let defined = FieldSet::new()
            .with(device::CAPABILITY)
            .with(device::AUTOSTART)
            .with(mdev::UUID)
            .with(mdev::PARENT_ADDR)
            .with(mdev::DEFINED_TYPE)
            .with(mdev::DEFINED_ATTRIBUTES);
        let active = FieldSet::new()
            .with(mdev::UUID)
            .with(mdev::PARENT_ADDR)
            .with(mdev::TYPE)
            .with(mdev::ATTRIBUTES);
        SourceInfo::new("mdevctl", env!("CARGO_PKG_VERSION"))
            .with_stream(StreamInfo::new(SourceId::MDEVCTL_DEFINED, Presence::Defined, defined))
            .with_stream(StreamInfo::new(SourceId::MDEVCTL_ACTIVE, Presence::Nothing, active))
            .with_interests(&[Capability::Mdev, Capability::MdevTypes])
    }

    #[tracing::instrument(level = "debug", skip_all, fields(source = "mdevctl"))]
    async fn watch(&self, sink: EventSink, hints: HintStream) -> Result<Watch, SourceError> {
        let kept = hints.clone();
        *self.hints.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        let first = Arc::clone(&self.first);
        *first.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let unwatched = Unwatched::default();
        *self.unwatched.lock().unwrap_or_else(PoisonError::into_inner) = unwatched.clone();
        let means = Means {
            config: Arc::clone(&self.config),
            files: self.files.clone(),
            counts: self.counts.clone(),
            first,
            unwatched,
            lack: self.lack.subscribe(),
        };
        Ok(start(means, sink, hints).await)
    }

    #[tracing::instrument(level = "debug", skip_all, fields(source = "mdevctl"))]
    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let mut snapshot = Snapshot::new();
        snapshot.answers = self.newest_hint();
        self.note_listing(snapshot.answers);
        let revision = self.revisions.next();
        let parts = match command::locate(&self.config.program) {
            Some(program) => self.with_mdevctl(&program, revision).await?,
            None => self.without_mdevctl(revision, self.not_installed(), None).await?,
        };
        snapshot.listings = parts.listings;
        snapshot.diagnostics = parts.diagnostics;
        snapshot.diagnostics.extend(self.unwatched());
        snapshot.backend = parts.backend;
        self.lack.send_replace(parts.lack);
        tracing::debug!(%revision, diagnostics = snapshot.diagnostics.len(), "listed");
        Ok(snapshot)
    }

    async fn refresh(&self, _id: &DeviceId) -> Result<Option<Observation>, SourceError> {
        Ok(None)
    }

    fn counters(&self) -> Vec<Counter> {
        let mut counters = self.counts.all();
        counters.push(self.left_behind.level().clone());
        counters
    }
}

/// What a snapshot is made of.
struct Parts {
    listings: Vec<Listing>,
    diagnostics: Vec<Diagnostic>,
    backend: Option<String>,
    lack: Option<Lack>,
}

/// One stream's part of it.
struct Part {
    listing: Listing,
    diagnostics: Vec<Diagnostic>,
    lack: Option<Lack>,
}

impl Part {
    fn read(stream: Stream, revision: Revision, mut read: Entries) -> Self {
        let diagnostics = std::mem::take(&mut read.diagnostics);
        Self { listing: stream.listing(revision, read), diagnostics, lack: None }
    }

    /// The same, which mdevctl had no part in for lack of the directory that it names, if it does.
    fn without_directory(self, output: &Output) -> Self {
        Self { lack: Lack::named_in(&output.stderr), ..self }
    }

    fn failed(stream: Stream, revision: Revision, error: SourceError) -> Self {
        let diagnostic = Diagnostic::warning(command_line(stream), error.full_message());
        Self {
            listing: stream.failed(revision, error),
            diagnostics: vec![diagnostic.with_severity(Severity::Error)],
            lack: None,
        }
    }
}

/// Why there is no listing from mdevctl.
enum Refusal {
    /// It ran and ended with a status other than 0.
    Status(Output),
    Error(SourceError),
}

impl Refusal {
    fn into_error(self, stream: Stream) -> SourceError {
        match self {
            Self::Status(output) => refused(stream, &output),
            Self::Error(error) => error,
        }
    }
}

fn refused(stream: Stream, output: &Output) -> SourceError {
    let message = format!("{}: {}", command_line(stream), output.complaint());
    SourceError::new(ErrorKind::Failed, message)
}

fn command_line(stream: Stream) -> String {
    format!("mdevctl {}", stream.arguments().join(" "))
}

/// Whether mdevctl refuses to work because one of its directories does not exist: the host has no
/// definitions yet, or a packaging fault.
fn lacks_directory(output: &Output) -> bool {
    output.status.code().is_some() && output.stderr.contains("Required directory")
}
