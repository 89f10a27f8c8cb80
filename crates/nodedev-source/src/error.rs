//! Why a source could not do what it was asked.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What a caller can make of a [`SourceError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The tool or kernel interface is not there; it may appear later.
    Unavailable,
    /// Not allowed to read or do it.
    PermissionDenied,
    /// The deadline passed.
    Timeout,
    /// What was read could not be understood.
    Malformed,
    /// The tool ran and refused or failed.
    Failed,
    /// The device has vanished.
    Gone,
    /// Somebody uses the device.
    Busy,
    /// This source cannot do it at all.
    Unsupported,
    /// The caller asked for something that makes no sense.
    InvalidArgument,
    /// A fault in the source's own code.
    Bug,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unavailable => "unavailable",
            Self::PermissionDenied => "permission denied",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::Busy => "in use",
            Self::Unsupported => "unsupported",
            Self::InvalidArgument => "invalid argument",
            Self::Bug => "internal error",
        })
    }
}

/// An error of a source: what kind, what was being done, and what lies behind it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl SourceError {
    /// An error that says what was being done and to what: a lower-case fragment.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same with the error that lies behind it.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What the caller can make of it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later without anybody mending anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Failed)
    }

    /// The message with every cause behind it, on one line.
    #[must_use]
    pub fn full_message(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}
