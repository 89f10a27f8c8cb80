//! Why something is not done. The words are those that libvirt's users know, where it has any.

use nodedev_registry::ActionError;
use nodedev_types::DeviceName;
use nodedev_xml::{Invalid, RequestError, Violation};

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No device has that name.
    #[error("no node device with matching name '{0}'")]
    NoSuchDevice(DeviceName),
    /// The document asks for nothing that could be done.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The document has not the form that libvirt's schema asks for.
    #[error(transparent)]
    Form(Violation),
    /// That kind of device cannot be defined, created, started, stopped or changed.
    #[error("Unsupported device type")]
    UnsupportedDevice,
    /// That kind of device does not start by itself.
    #[error("Unsupported device type")]
    UnsupportedAutostart,
    /// Whatever is asked for, the device is in another state.
    #[error("{0}")]
    WrongState(String),
    /// A mediated device without a parent.
    #[error("missing parent device")]
    NoParent,
    /// The parent is no device.
    #[error("invalid parent device '{0}'")]
    UnknownParent(String),
    /// The parent can have no mediated devices.
    #[error("Unable to find address for parent device '{0}'")]
    ParentWithoutAddress(DeviceName),
    /// What the document says is not of the device that is to be changed.
    #[error("Cannot update device '{device}', {what} mismatch (current {what} '{current}')")]
    Mismatch {
        /// The device.
        device: DeviceName,
        /// What differs.
        what: &'static str,
        /// What it is now.
        current: String,
    },
    /// No SCSI host can have the virtual port.
    #[error("{0}")]
    NoVportParent(String),
    /// The SCSI host is not of Fibre Channel.
    #[error("Device is not a fibre channel HBA")]
    NotFibreChannel,
    /// It was tried.
    #[error("{what}: {error}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// What came of it.
        #[source]
        error: ActionError,
    },
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Document(error) => Self::Request(error.into()),
            Invalid::Form(violation) => Self::Form(violation),
        }
    }
}

impl Refusal {
    pub(crate) const fn failed(what: &'static str) -> impl FnOnce(ActionError) -> Self {
        move |error| Self::Failed { what, error }
    }
}
