//! The one place that maps what can go wrong here to libvirt's numbers and words.
//!
//! Codes, domains and the words before the detail are libvirt's, since clients act on them; the
//! details are ours where libvirt's say less.

use nodedev_control::Refusal;
use nodedev_registry::{ActionError, RegistryError};
use nodedev_rpc::{ErrorCode, ErrorDomain, ErrorMessage};
use nodedev_source::ErrorKind;
use nodedev_xml::{Error as DocumentError, RequestError};

use crate::echo::shortened;

/// An error on its way to a client. Boxed, because hardly any call fails and every one returns.
pub(crate) type Failure = Box<ErrorMessage>;

/// An error with libvirt's words before the detail.
pub(crate) fn new(code: ErrorCode, domain: ErrorDomain, detail: impl Into<String>) -> Failure {
    Box::new(ErrorMessage::new(code, domain, shortened(detail.into())))
}

/// The protocol was broken, in these words.
pub(crate) fn rpc(text: impl Into<String>) -> Failure {
    new(ErrorCode::Rpc, ErrorDomain::Rpc, text)
}

/// The call came at the wrong time, or this is a fault of ours.
pub(crate) fn internal(text: impl Into<String>) -> Failure {
    new(ErrorCode::InternalError, ErrorDomain::Rpc, text)
}

pub(crate) fn undecodable() -> Failure {
    rpc("Unable to decode message payload")
}

pub(crate) fn no_device(name: &str) -> Failure {
    let detail = format!("no node device with matching name '{name}'");
    new(ErrorCode::NoNodeDevice, ErrorDomain::NodeDevice, detail)
}

pub(crate) fn unsupported(api: &str, domain: ErrorDomain) -> Failure {
    new(ErrorCode::NoSupport, domain, api)
}

pub(crate) fn read_only(api: &str) -> Failure {
    let detail = format!("read only access prevents {api}");
    new(ErrorCode::OperationDenied, ErrorDomain::NodeDevice, detail)
}

/// Flag bits that the function does not know. libvirt takes this one apart in another way.
pub(crate) fn unknown_flags(bits: u32, function: &str) -> Failure {
    let message = format!("unsupported flags (0x{bits:x}) in function {function}");
    Box::new(ErrorMessage {
        message: Some(message),
        str1: Some(function.to_owned()),
        str2: Some("flags".to_owned()),
        int1: 0,
        int2: 0,
        ..ErrorMessage::new(ErrorCode::InvalidArg, ErrorDomain::NodeDevice, "")
    })
}

/// The device is not in the state that the call needs.
pub(crate) fn invalid(detail: impl Into<String>) -> Failure {
    new(ErrorCode::OperationInvalid, ErrorDomain::NodeDevice, detail)
}

/// libvirt's daemon gives an error without a cause here.
pub(crate) fn no_scsi_host(wwnn: &str, wwpn: &str) -> Failure {
    let detail = format!("no SCSI host with world-wide names '{wwnn}' and '{wwpn}'");
    new(ErrorCode::NoNodeDevice, ErrorDomain::NodeDevice, detail)
}

/// Why polkit does not let a client in. Clients act on the codes: they ask again, or start an agent.
#[cfg(feature = "polkit")]
pub(crate) fn from_polkit(refusal: &crate::auth::polkit::Refusal) -> Failure {
    use crate::auth::polkit::Refusal;

    let code = match refusal {
        Refusal::NoAgent => ErrorCode::AuthUnavailable,
        Refusal::Dismissed => ErrorCode::AuthCancelled,
        _ => ErrorCode::AuthFailed,
    };
    new(code, ErrorDomain::Polkit, refusal.to_string())
}

/// What the registry could not do.
pub(crate) fn from_registry(error: &RegistryError) -> Failure {
    match error {
        RegistryError::NoSuchDevice(name) => no_device(name.as_str()),
        other => new(ErrorCode::InternalError, ErrorDomain::NodeDevice, other.to_string()),
    }
}

/// Why a device is not changed.
pub(crate) fn from_refusal(refusal: &Refusal) -> Failure {
    let code = match refusal {
        Refusal::NoSuchDevice(name) => return no_device(name.as_str()),
        Refusal::Request(error) => return from_request(error),
        Refusal::Form(violation) => {
            let code = ErrorCode::XmlInvalidSchema;
            return new(code, ErrorDomain::Xml, violation.to_string());
        }
        Refusal::UnsupportedDevice
        | Refusal::NoParent
        | Refusal::UnknownParent(_)
        | Refusal::Mismatch { .. } => ErrorCode::ConfigUnsupported,
        Refusal::UnsupportedAutostart => ErrorCode::OperationUnsupported,
        Refusal::WrongState(_) => ErrorCode::OperationInvalid,
        Refusal::ParentWithoutAddress(_) => ErrorCode::ParseFailed,
        Refusal::Failed { error, .. } => of_action(error),
        _ => ErrorCode::InternalError,
    };
    new(code, ErrorDomain::NodeDevice, refusal.to_string())
}

/// libvirt knows two outcomes of a tool: it does not know the operation, or it failed. That nobody can
/// tell yet is a third one here.
fn of_action(error: &ActionError) -> ErrorCode {
    match error {
        ActionError::Uncontrolled(_) => ErrorCode::OperationUnsupported,
        ActionError::Failed(why) if why.kind() == ErrorKind::Unsupported => {
            ErrorCode::OperationUnsupported
        }
        ActionError::Failed(why) if why.kind() == ErrorKind::Timeout => ErrorCode::OperationTimeout,
        ActionError::Occupied { .. }
        | ActionError::Crowded(_)
        | ActionError::Unanswered(_)
        | ActionError::Unseen { .. } => ErrorCode::OperationTimeout,
        _ => ErrorCode::InternalError,
    }
}

/// What is wrong with a document by which a client asks for a device.
fn from_request(error: &RequestError) -> Failure {
    let (code, domain) = match error {
        RequestError::Document(error) => return from_document(error),
        RequestError::NoType => (ErrorCode::ConfigUnsupported, ErrorDomain::NodeDevice),
        RequestError::NoName => (ErrorCode::NoName, ErrorDomain::NodeDevice),
        RequestError::HalfOfParentWwn { .. } => (ErrorCode::XmlError, ErrorDomain::NodeDevice),
        _ => (ErrorCode::InternalError, ErrorDomain::NodeDevice),
    };
    new(code, domain, error.to_string())
}

/// What is wrong with a document that a client sent.
fn from_document(error: &DocumentError) -> Failure {
    let text = with_causes(error);
    match error {
        DocumentError::Syntax(_) => new(ErrorCode::XmlDetail, ErrorDomain::NodeDevice, text),
        DocumentError::Root { found } => new(
            ErrorCode::XmlError,
            ErrorDomain::Xml,
            format!("expecting root element of 'device', not '{found}'"),
        ),
        DocumentError::MissingAttribute { element, attribute } => {
            let tag = element.rsplit('/').next().unwrap_or(element);
            let text = format!("Missing required attribute '{attribute}' in element '{tag}'");
            new(ErrorCode::XmlError, ErrorDomain::Xml, text)
        }
        DocumentError::InvalidAttribute { element, attribute, value, .. } => {
            let tag = element.rsplit('/').next().unwrap_or(element);
            let text =
                format!("Invalid value for attribute '{attribute}' in element '{tag}': '{value}'.");
            new(ErrorCode::XmlError, ErrorDomain::Xml, text)
        }
        _ => new(ErrorCode::XmlError, ErrorDomain::Xml, text),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nodedev_source::SourceError;
    use nodedev_types::DeviceName;

    use super::*;
    use crate::echo::LONGEST;

    fn facts(error: &ErrorMessage) -> (i32, i32, &str) {
        (error.code.into(), error.domain.into(), error.message.as_deref().unwrap_or_default())
    }

    #[test]
    fn numbers_and_words_are_libvirts() {
        let missing = RegistryError::NoSuchDevice(DeviceName::new("x"));
        for (error, expected) in [
            (undecodable(), (39, 7, "Unable to decode message payload")),
            (internal("connection not open"), (1, 7, "internal error: connection not open")),
            (
                from_registry(&missing),
                (53, 22, "Node device not found: no node device with matching name 'x'"),
            ),
            (
                from_registry(&RegistryError::Closed),
                (1, 22, "internal error: the registry has been shut down"),
            ),
            (
                unsupported("virNodeDeviceReset", ErrorDomain::NodeDevice),
                (
                    3,
                    22,
                    "this function is not supported by the connection driver: virNodeDeviceReset",
                ),
            ),
            (
                read_only("virNodeDeviceReset"),
                (29, 22, "operation forbidden: read only access prevents virNodeDeviceReset"),
            ),
            (
                unknown_flags(2, "nodeNumOfDevices"),
                (8, 22, "unsupported flags (0x2) in function nodeNumOfDevices"),
            ),
            (
                invalid("Device is already active"),
                (55, 22, "Requested operation is not valid: Device is already active"),
            ),
            (
                from_refusal(&Refusal::UnsupportedDevice),
                (67, 22, "unsupported configuration: Unsupported device type"),
            ),
            (
                from_refusal(&Refusal::UnsupportedAutostart),
                (84, 22, "Operation not supported: Unsupported device type"),
            ),
        ] {
            assert_eq!(facts(&error), expected);
        }
    }

    #[test]
    fn what_may_have_been_done_is_told_from_what_has_failed() {
        let of = |kind| ActionError::Failed(SourceError::new(kind, "why"));
        for (error, expected) in [
            (of(ErrorKind::Timeout), ErrorCode::OperationTimeout),
            (ActionError::Unanswered(Duration::ZERO), ErrorCode::OperationTimeout),
            (of(ErrorKind::Unsupported), ErrorCode::OperationUnsupported),
            (of(ErrorKind::Failed), ErrorCode::InternalError),
            (of(ErrorKind::Busy), ErrorCode::InternalError),
            (ActionError::Broken("panicked"), ErrorCode::InternalError),
        ] {
            assert_eq!(of_action(&error), expected, "{error}");
        }
    }

    #[test]
    fn a_name_of_any_length_comes_back_shortened() {
        for letter in ["x", "é", "\u{1f600}"] {
            let error = no_device(&letter.repeat(nodedev_rpc::MAX_STRING_LEN / letter.len()));
            let (code, _, message) = facts(&error);
            assert_eq!(code, 53);
            assert!(message.starts_with("Node device not found: no node device with"), "{letter}");
            assert!(message.ends_with('…') && message.len() < LONGEST + 64, "{letter}");
            let length = nodedev_rpc::Frame::bytes_of(&nodedev_rpc::Header::call(113, 1), &*error);
            assert!(length.is_ok_and(|frame| frame.len() < 3 * LONGEST), "{letter}");
        }
    }

    #[test]
    fn each_fault_of_a_document_has_its_number() {
        for (text, code, domain) in [
            ("", 35, 22),
            ("<device>", 35, 22),
            ("<domain/>", 27, 5),
            ("<device/>", 1, 22),
            ("<device><capability type='nosuch'/></device>", 27, 5),
            ("<!DOCTYPE device><device/>", 27, 5),
        ] {
            let error = nodedev_xml::read_request(text).expect_err("it is faulty");
            let failure = from_request(&error);
            let (seen_code, seen_domain, message) = facts(&failure);
            assert_eq!((seen_code, seen_domain), (code, domain), "{text}: {message}");
        }
    }
}
