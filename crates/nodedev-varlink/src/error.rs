//! The errors of the interface, as they go over the wire.

use std::fmt;

use nodedev_types::DeviceName;
use zlink::ReplyError;

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq, ReplyError)]
#[zlink(interface = "io.nodedev.NodeDevice")]
#[non_exhaustive]
pub enum Error {
    /// No device has that name.
    NoSuchDevice {
        /// The name.
        name: DeviceName,
    },
    /// There is no definition of the device, so there is no inactive form of it.
    NotPersistent {
        /// Its name.
        name: DeviceName,
    },
    /// What is asked for cannot be: the device is in another state or of another kind, or the document
    /// is at fault. Nothing was tried.
    ActionRefused {
        /// Why.
        reason: String,
    },
    /// It was tried, and did not succeed or cannot be seen to have succeeded.
    ActionFailed {
        /// Why.
        reason: String,
    },
    /// The service is ending.
    Ended,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchDevice { name } => write!(f, "no device is called `{name}`"),
            Self::NotPersistent { name } => {
                write!(f, "{name} is not persistent: it has no inactive form")
            }
            Self::ActionRefused { reason } | Self::ActionFailed { reason } => f.write_str(reason),
            Self::Ended => f.write_str("the service is ending"),
        }
    }
}

impl std::error::Error for Error {}
