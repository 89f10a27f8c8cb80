//! Why a document asks for nothing that could be done. The words are libvirt's where it has any.

use nodedev_types::Capability;

use crate::Error;

/// Why a document asks for nothing that could be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The text itself is at fault, or not about one device.
    #[error(transparent)]
    Document(#[from] Error),
    /// There is no capability.
    #[error("no device capabilities for 'new device'")]
    NoCapability,
    /// Devices of that kind are never asked for.
    #[error("unknown capability type '{0}' for 'new device'")]
    NotForRequests(Capability),
    /// There is no name where one has to be.
    #[error("missing name information")]
    NoName,
    /// One of two world-wide names is missing.
    #[error("when providing parent {given}='{value}', the {missing} must also be provided")]
    HalfOfParentWwn {
        /// The attribute that is there.
        given: &'static str,
        /// Its value.
        value: String,
        /// The attribute that is not.
        missing: &'static str,
    },
    /// A mediated device without a type.
    #[error("missing type id attribute for 'new device'")]
    NoType,
    /// Not 32 hexadecimal digits.
    #[error("Invalid uuid '{0}' for new mdev device")]
    InvalidUuid(String),
    /// The number of the IOMMU group is none.
    #[error("invalid iommu group number '{0}' for 'new device'")]
    InvalidGroup(String),
    /// A capability in a SCSI host that does not say what it is.
    #[error("missing SCSI host capability type for 'new device'")]
    NoNestedType,
    /// A capability in a SCSI host that has no business there.
    #[error("unknown SCSI host capability type '{0}' for 'new device'")]
    UnknownNested(String),
}
