//! `CONNECT_SET_IDENTITY`: another daemon says for whom it asks.
//!
//! The identity would replace that of the process at the other end for access control, so only one
//! that may do everything anyway is listened to.

use std::collections::BTreeSet;

use nodedev_rpc::{ErrorCode, ErrorDomain, ParamValue, TypedParam};

use crate::session::Session;
use crate::virt_error::{self, Failure};

/// The parameters that exist, with their types.
const KNOWN: &[(&str, &str)] = &[
    ("user-name", "string"),
    ("unix-user-id", "ullong"),
    ("group-name", "string"),
    ("unix-group-id", "ullong"),
    ("process-id", "llong"),
    ("process-time", "ullong"),
    ("sasl-user-name", "string"),
    ("x509-distinguished-name", "string"),
    ("selinux-context", "string"),
];

pub(super) fn set(session: &Session, params: &[TypedParam]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for param in params {
        check(param)?;
        if !seen.insert(&param.field) {
            let detail = format!("parameter '{}' occurs multiple times", param.field);
            return Err(virt_error::new(ErrorCode::InvalidArg, ErrorDomain::None, detail));
        }
    }
    if session.is_trusted() {
        return Ok(());
    }
    let detail = "only a daemon of the same user may speak for others";
    Err(virt_error::new(ErrorCode::AccessDenied, ErrorDomain::Access, detail))
}

fn check(param: &TypedParam) -> Result<(), Failure> {
    let name = &param.field;
    let Some((_, expected)) = KNOWN.iter().find(|(known, _)| known == name) else {
        let detail = format!("parameter '{name}' not supported");
        return Err(virt_error::new(ErrorCode::ArgumentUnsupported, ErrorDomain::None, detail));
    };
    let found = type_name(&param.value);
    if found == *expected {
        return Ok(());
    }
    let detail = format!("invalid type '{found}' for parameter '{name}', expected '{expected}'");
    Err(virt_error::new(ErrorCode::InvalidArg, ErrorDomain::None, detail))
}

const fn type_name(value: &ParamValue) -> &'static str {
    match value {
        ParamValue::Int(_) => "int",
        ParamValue::UnsignedInt(_) => "uint",
        ParamValue::Long(_) => "llong",
        ParamValue::UnsignedLong(_) => "ullong",
        ParamValue::Double(_) => "double",
        ParamValue::Boolean(_) => "boolean",
        ParamValue::String(_) => "string",
        _ => "unknown",
    }
}
