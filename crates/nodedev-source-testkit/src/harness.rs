//! What the kit asks of a source's test bed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nodedev_source::{ErrorKind, NodeDeviceSource};
use nodedev_types::DeviceId;

/// A host that the kit can change, and sources that look at it.
///
/// Devices are numbered by the kit from 0; the harness decides what device `n` is. Numbers up to 31
/// are used. Two harnesses of one type may live at once in one process (tests run in parallel); a
/// harness that cannot have that serialises in [`make`](Self::make). The kit never holds two in one test.
///
/// Everything runs on a current-thread tokio runtime with time and, where they are compiled in, I/O
/// and signals enabled. A source whose own queue is large is best made with a small one.
#[async_trait]
pub trait Harness: Sized + Send + Sync + 'static {
    /// A new host without any numbered device.
    ///
    /// # Errors
    ///
    /// [`Skip`] when this environment lacks what the host needs.
    async fn make() -> Result<Self, Skip>;

    /// A fresh source value over this host. A second call stands for a restart of the program.
    fn source(&self) -> Arc<dyn NodeDeviceSource>;

    /// Identity that device `n` has now, or would have: after a rename the new one.
    fn device(&self, n: usize) -> DeviceId;

    /// Identity of the child of device `n`, which [`HostChange::AddFamily`] makes.
    fn child(&self, n: usize) -> DeviceId;

    /// Changes the host. Returns when the host has changed and has said so, if it says such things;
    /// the source may learn of it later.
    async fn apply(&self, change: HostChange) -> Applied;

    /// Devices that the source always shows, such as the host itself.
    fn permanent(&self) -> Vec<DeviceId> {
        Vec::new()
    }

    /// How long the kit waits for anything. The source under test should be given shorter deadlines.
    fn deadline(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// Beginnings of the `tracing` targets of the source, usually the crate's name. Spans and events
    /// are only looked at where this is not empty.
    fn tracing_targets(&self) -> Vec<String> {
        Vec::new()
    }

    /// What a diagnostic about device `n` must contain: by default the last part of its identity.
    fn mark(&self, n: usize) -> String {
        match self.device(n) {
            DeviceId::Computer => "computer".to_owned(),
            DeviceId::Sysfs(path) => path.file_name().to_owned(),
            DeviceId::Mdev { uuid, .. } => uuid.to_string(),
            DeviceId::Foreign { key, .. } => key.to_string(),
            other => other.to_string(),
        }
    }

    /// Takes the host down. Dropping must do as well: a failed test drops.
    async fn teardown(self) {}
}

/// Something that the kit wants to happen on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostChange {
    /// Device `n`, not there now, appears.
    Add(usize),
    /// Something that the source reports of device `n`, which is there, gets a value that it never had.
    Change(usize),
    /// Device `n`, which is there, goes.
    Remove(usize),
    /// Device `n`, which is there, gets another identity at once;
    /// [`Harness::device`] gives that one from then on, until [`HostChange::Clear`] or for ever.
    Rename(usize),
    /// The host says something of device `n` that it has said before or that is not so, and does
    /// not change.
    Announce(usize, Announcement),
    /// Device `n` and its child, neither there now, appear in this order.
    AddFamily(usize, Order),
    /// All numbered devices and their children go.
    Clear,
    /// Something that the source reads of device `n`, which is there, becomes bad input.
    ///
    /// [`Applied::Done`] demands a diagnostic; [`Applied::Ordinary`] says that it needs none.
    Corrupt(usize, BadInput),
    /// Device `n` is as it was before it was corrupted.
    Mend(usize),
    /// Device `n`, which is there, will go while the next snapshot reads it, or as near to that as
    /// the host can arrange.
    VanishDuringRead(usize),
    /// The tool or interface that the source speaks to fails from now on.
    ///
    /// [`Applied::Done`] demands the matching error; [`Applied::Ordinary`] says that it is none.
    Break(Failure),
    /// The tool or interface works again.
    Repair,
}

/// What the host says of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announcement {
    /// It is new. The kit uses it for a device that has long been there.
    Add,
    /// It has changed. The kit uses it for devices that are there unchanged, or not there.
    Change,
    /// It has gone. The kit uses it for a device that is not there.
    Remove,
}

/// Which of two related devices is announced first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The usual way.
    ParentFirst,
    /// The other way round.
    ChildFirst,
}

/// Ways in which an attribute, file or entry can be bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadInput {
    /// It is not there.
    Missing,
    /// It is far longer than anything sensible.
    Huge,
    /// It ends in the middle.
    Truncated,
    /// It holds bytes that are no UTF-8.
    NotUtf8,
    /// It is text that makes no sense.
    Unparsable,
    /// A directory is where a file should be.
    Directory,
}

impl BadInput {
    /// Every way.
    pub const ALL: &'static [Self] = &[
        Self::Missing,
        Self::Huge,
        Self::Truncated,
        Self::NotUtf8,
        Self::Unparsable,
        Self::Directory,
    ];
}

/// Ways in which the tool or interface behind a source can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// It is not installed, or the kernel does not have it.
    Absent,
    /// The source may not use it.
    Denied,
    /// It never answers.
    Hangs,
    /// It answers with an error.
    Fails,
    /// It answers with something that cannot be understood at all.
    Garbage,
}

impl Failure {
    /// Every way.
    pub const ALL: &'static [Self] =
        &[Self::Absent, Self::Denied, Self::Hangs, Self::Fails, Self::Garbage];

    /// The kind of error that a source must make of it.
    #[must_use]
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::Absent => ErrorKind::Unavailable,
            Self::Denied => ErrorKind::PermissionDenied,
            Self::Hangs => ErrorKind::Timeout,
            Self::Fails => ErrorKind::Failed,
            Self::Garbage => ErrorKind::Malformed,
        }
    }
}

/// What became of a wanted change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It has happened.
    Done,
    /// It has happened, and it is such that another source would have noticed: the kit raises the
    /// hint that the registry would raise.
    Hinted,
    /// It has happened, and for this source it is nothing worth a diagnostic or an error.
    Ordinary,
    /// Such a thing cannot happen to this source, by its nature: what depends on it is skipped.
    Inapplicable(&'static str),
    /// It could happen, but this harness or this environment cannot stage it: what depends on it is
    /// skipped, which fails where everything is required.
    Unsupported(&'static str),
}

/// Why a clause, or a part of it, was not checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Skip {
    reason: String,
    by_nature: bool,
}

impl Skip {
    /// This environment lacks something. With `NODEDEV_REQUIRE_ALL` set to anything but `0` it fails.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), by_nature: false }
    }

    /// It cannot apply to this source anywhere.
    #[must_use]
    pub fn inapplicable(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), by_nature: true }
    }

    /// Whether it cannot apply to this source anywhere.
    #[must_use]
    pub const fn is_by_nature(&self) -> bool {
        self.by_nature
    }
}
