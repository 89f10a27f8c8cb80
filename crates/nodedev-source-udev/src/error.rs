//! What the source could not do, in the contract's words.

use std::io;

use nodedev_source::{ErrorKind, SourceError};

use crate::pool::{Full, Lost};

/// A failure of this source before it reaches the contract.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UdevError {
    /// libudev gave no list of devices.
    #[error("libudev cannot list the devices: {0}")]
    Enumeration(io::Error),
    /// libudev gave no monitor.
    #[error("libudev cannot listen to events: {0}")]
    Monitor(io::Error),
    /// A thread or descriptor could not be had.
    #[error("cannot watch: {0}")]
    Resources(io::Error),
    /// A reader was lost.
    #[error("cannot read {subject}: {lost}")]
    Reader { subject: String, lost: Lost },
    /// Too many ask at once.
    #[error("cannot read {subject}: {full}")]
    Full { subject: String, full: Full },
    /// The thread that should have answered ended without a word.
    #[error("a thread of the source ended early")]
    NoAnswer,
}

impl UdevError {
    const fn kind(&self) -> ErrorKind {
        match self {
            Self::Enumeration(_) | Self::Monitor(_) | Self::Resources(_) => ErrorKind::Unavailable,
            Self::Reader { lost: Lost::Failed, .. } | Self::NoAnswer => ErrorKind::Bug,
            Self::Reader { .. } | Self::Full { .. } => ErrorKind::Timeout,
        }
    }
}

impl From<UdevError> for SourceError {
    fn from(error: UdevError) -> Self {
        let kind = match &error {
            UdevError::Enumeration(io) | UdevError::Monitor(io)
                if io.kind() == io::ErrorKind::PermissionDenied =>
            {
                ErrorKind::PermissionDenied
            }
            other => other.kind(),
        };
        Self::new(kind, error.to_string())
    }
}
