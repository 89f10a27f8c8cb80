//! The error that a reply may carry, and libvirt's numbers for it (`virErrorNumber`, `virErrorDomain`).

use alloc::string::String;
use alloc::vec::Vec;

use crate::frame::numbered;
use crate::xdr::{DecodeError, EncodeError, Reader, Xdr, messages};

/// Level of an ordinary error.
pub const LEVEL_ERROR: i32 = 2;
/// Level of a warning.
pub const LEVEL_WARNING: i32 = 1;

numbered! {
    /// What went wrong (`virErrorNumber`), as far as a node-device daemon says it.
    pub enum ErrorCode {
        /// No error.
        Ok = 0,
        /// Internal error.
        InternalError = 1,
        /// The driver does not support the call.
        NoSupport = 3,
        /// No driver for that URI.
        NoConnect = 5,
        /// An argument is invalid, unknown flags included.
        InvalidArg = 8,
        /// A name is missing.
        NoName = 21,
        /// The document is not of the right kind.
        XmlError = 27,
        /// Not on a read-only connection.
        OperationDenied = 29,
        /// The call failed.
        OperationFailed = 9,
        /// What the document refers to cannot be used.
        ParseFailed = 32,
        /// The document is not well-formed.
        XmlDetail = 35,
        /// The system said no.
        SystemError = 38,
        /// The protocol was broken.
        Rpc = 39,
        /// Not authenticated.
        AuthFailed = 45,
        /// No node device of that name.
        NoNodeDevice = 53,
        /// Not in this state.
        OperationInvalid = 55,
        /// That kind of device cannot do that.
        ConfigUnsupported = 67,
        /// It took too long.
        OperationTimeout = 68,
        /// That argument is not supported.
        ArgumentUnsupported = 74,
        /// The authentication was called off.
        AuthCancelled = 79,
        /// That operation is not supported.
        OperationUnsupported = 84,
        /// Access denied.
        AccessDenied = 88,
        /// The document does not follow the schema.
        XmlInvalidSchema = 92,
        /// Nobody is there to authenticate.
        AuthUnavailable = 94,
    }

    /// Which part of libvirt speaks (`virErrorDomain`).
    pub enum ErrorDomain {
        /// None.
        None = 0,
        /// XML.
        Xml = 5,
        /// The protocol.
        Rpc = 7,
        /// The client of the protocol.
        Remote = 13,
        /// Storage.
        Storage = 18,
        /// Networks.
        Network = 19,
        /// Domains, and everything that belongs to no other.
        Domain = 20,
        /// Node devices.
        NodeDevice = 22,
        /// Host interfaces.
        Interface = 26,
        /// Secrets.
        Secret = 30,
        /// Network filters.
        NwFilter = 33,
        /// Authentication.
        Auth = 46,
        /// Access control.
        Access = 55,
        /// polkit.
        Polkit = 60,
    }
}

impl ErrorCode {
    /// The words that libvirt puts before the detail.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::InternalError => "internal error: ",
            Self::NoSupport => "this function is not supported by the connection driver: ",
            Self::NoConnect => "no connection driver available for ",
            Self::InvalidArg => "invalid argument: ",
            Self::XmlError => "XML error: ",
            Self::ParseFailed => "failed to parse configuration file ",
            Self::OperationDenied => "operation forbidden: ",
            Self::OperationFailed => "operation failed: ",
            Self::AuthFailed => "authentication failed: ",
            Self::NoNodeDevice => "Node device not found: ",
            Self::OperationInvalid => "Requested operation is not valid: ",
            Self::ConfigUnsupported => "unsupported configuration: ",
            Self::OperationTimeout => "Timed out during operation: ",
            Self::ArgumentUnsupported => "argument unsupported: ",
            Self::AuthCancelled => "authentication cancelled: ",
            Self::OperationUnsupported => "Operation not supported: ",
            Self::AccessDenied => "access denied: ",
            Self::XmlInvalidSchema => "XML document failed to validate against schema: ",
            Self::AuthUnavailable => "authentication unavailable: ",
            _ => "",
        }
    }
}

messages! {
    /// A domain that an error speaks of. Node devices have none to do with it.
    pub(crate) struct DomainRef {
        /// Its name.
        name: String,
        /// Its uuid.
        uuid: [u8; 16],
        /// Its number.
        id: i32,
    }

    /// A network that an error speaks of.
    pub(crate) struct NetworkRef {
        /// Its name.
        name: String,
        /// Its uuid.
        uuid: [u8; 16],
    }
}

/// The payload of a reply with [`Status::Error`](crate::Status::Error).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorMessage {
    /// What went wrong.
    pub code: ErrorCode,
    /// Who says it.
    pub domain: ErrorDomain,
    /// What people read.
    pub message: Option<String>,
    /// [`LEVEL_ERROR`] or [`LEVEL_WARNING`].
    pub level: i32,
    /// The message with a place for the detail.
    pub str1: Option<String>,
    /// The detail.
    pub str2: Option<String>,
    /// More detail.
    pub str3: Option<String>,
    /// A number that belongs to it.
    pub int1: i32,
    /// Another.
    pub int2: i32,
}

impl ErrorMessage {
    /// The error that libvirt's daemon would make of that detail: its usual words before it, and
    /// the pieces apart.
    #[must_use]
    pub fn new(code: ErrorCode, domain: ErrorDomain, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let prefix = code.prefix();
        Self {
            code,
            domain,
            message: Some(alloc::format!("{prefix}{detail}")),
            level: LEVEL_ERROR,
            str1: Some(if prefix.is_empty() {
                "%s".into()
            } else {
                alloc::format!("{prefix}%1$s")
            }),
            str2: Some(detail),
            str3: None,
            int1: -1,
            int2: -1,
        }
    }
}

impl Xdr for ErrorMessage {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.code.encode(out)?;
        self.domain.encode(out)?;
        self.message.encode(out)?;
        self.level.encode(out)?;
        Option::<DomainRef>::None.encode(out)?;
        self.str1.encode(out)?;
        self.str2.encode(out)?;
        self.str3.encode(out)?;
        self.int1.encode(out)?;
        self.int2.encode(out)?;
        Option::<NetworkRef>::None.encode(out)
    }

    /// Reads past a domain or network: they say nothing about node devices.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let code = Xdr::decode(input)?;
        let domain = Xdr::decode(input)?;
        let message = Xdr::decode(input)?;
        let level = Xdr::decode(input)?;
        Option::<DomainRef>::decode(input)?;
        let (str1, str2, str3) = (Xdr::decode(input)?, Xdr::decode(input)?, Xdr::decode(input)?);
        let (int1, int2) = (Xdr::decode(input)?, Xdr::decode(input)?);
        Option::<NetworkRef>::decode(input)?;
        Ok(Self { code, domain, message, level, str1, str2, str3, int1, int2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdr::from_payload;

    #[test]
    fn an_error_is_taken_apart_as_libvirt_does_it() {
        let error = ErrorMessage::new(
            ErrorCode::NoNodeDevice,
            ErrorDomain::NodeDevice,
            "no node device with matching name 'X'",
        );
        let text = "Node device not found: no node device with matching name 'X'";
        assert_eq!(error.message.as_deref(), Some(text));
        assert_eq!(error.str1.as_deref(), Some("Node device not found: %1$s"));
        let mut bytes = Vec::new();
        error.encode(&mut bytes).unwrap();
        assert_eq!(from_payload::<ErrorMessage>(&bytes), Ok(error));
    }

    #[test]
    fn an_error_without_words_before_it_is_its_own_detail() {
        let error = ErrorMessage::new(ErrorCode::Rpc, ErrorDomain::Rpc, "unknown procedure: 999");
        assert_eq!(error.message.as_deref(), Some("unknown procedure: 999"));
        assert_eq!(error.str1.as_deref(), Some("%s"));
    }

    #[test]
    fn unknown_numbers_are_kept() {
        assert_eq!(i32::from(ErrorCode::from(110)), 110);
        assert_eq!(ErrorCode::from(53), ErrorCode::NoNodeDevice);
        assert_eq!(i32::from(ErrorDomain::NodeDevice), 22);
    }
}
