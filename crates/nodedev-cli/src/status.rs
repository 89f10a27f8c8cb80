//! How a run ends: the errors of the command and their exit statuses.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use nodedev_varlink as varlink;

/// Why the command did not do all that was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for what this command does not do.
    CommandLine(String),
    /// These names stand for no device.
    NoSuchDevice(Vec<String>),
    /// These devices have no definition, which was asked for.
    NotPersistent(Vec<String>),
    /// These sources failed; what could be printed has been printed.
    Source(Vec<String>),
    /// Whoever read the output has gone: nothing is left to be said.
    OutputClosed,
    /// Anything else.
    Other(String),
}

impl Failure {
    pub(crate) fn other(doing: &str, error: impl Error) -> Self {
        let mut text = format!("{doing}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self::Other(text)
    }

    /// Whether there is no name that it is about, so that it is none.
    pub(crate) fn is_about_nothing(&self) -> bool {
        match self {
            Self::NoSuchDevice(names) | Self::NotPersistent(names) => names.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Other(_) | Self::NotPersistent(_) => ExitCode::from(1),
            Self::CommandLine(_) => ExitCode::from(2),
            Self::NoSuchDevice(_) => ExitCode::from(3),
            Self::Source(_) => ExitCode::from(4),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchDevice(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                write!(f, "no device is called {}", names.join(" or "))
            }
            Self::NotPersistent(names) => match names.as_slice() {
                [name] => write!(f, "{name} is not persistent: it has no inactive form"),
                names => {
                    write!(f, "{} are not persistent: they have no inactive form", names.join(", "))
                }
            },
            Self::Source(reasons) => write!(f, "source failed: {}", reasons.join("; ")),
            Self::OutputClosed => f.write_str("the output has been closed"),
            Self::CommandLine(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::other("cannot write", error),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(io::ErrorKind::BrokenPipe) => Self::OutputClosed,
            _ => Self::other("cannot write", error),
        }
    }
}

impl From<varlink::Error> for Failure {
    fn from(error: varlink::Error) -> Self {
        match error {
            varlink::Error::NoSuchDevice { name } => Self::NoSuchDevice(vec![name.to_string()]),
            varlink::Error::NotPersistent { name } => Self::NotPersistent(vec![name.to_string()]),
            varlink::Error::ActionRefused { reason } | varlink::Error::ActionFailed { reason } => {
                Self::Other(reason)
            }
            error => Self::other("cannot read the list", error),
        }
    }
}
