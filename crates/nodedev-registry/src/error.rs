//! What a caller of the registry can meet.

use nodedev_merge::PolicyError;
use nodedev_types::{Capability, DeviceName};

/// Why the registry could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The sources contradict each other by what they declare.
    #[error("the sources cannot be merged")]
    Policy(#[from] PolicyError),
    /// Two sources have one name.
    #[error("two sources are called `{0}`")]
    DuplicateSource(String),
    /// Two sources would change devices of one kind.
    #[error("two sources control devices of the kind `{0}`")]
    DuplicateControl(Capability),
    /// A source could not be given a thread of its own: why, in the system's words.
    #[error("a source cannot have a thread of its own: {0}")]
    Threads(String),
    /// No device has that name.
    #[error("no device is called `{0}`")]
    NoSuchDevice(DeviceName),
    /// The registry has been shut down.
    #[error("the registry has been shut down")]
    Closed,
}
