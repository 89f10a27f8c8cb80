//! The connection itself: opening it, what it is, what the server can do.

use nodedev_rpc::{
    CONNECT_READ_ONLY, ConnectOpenArgs, Feature, LargeNumberReply, NumberReply, TextReply,
};

use super::{not_open, open_uri};
use crate::session::{Session, Shared};
use crate::virt_error::{self, Failure};

/// The version of libvirt whose answers these are: major * 1,000,000 + minor * 1,000 + micro.
const LIBRARY_VERSION: u64 = 11_003_000;

pub(super) fn open(
    session: &mut Session,
    shared: &Shared,
    args: ConnectOpenArgs,
) -> Result<(), Failure> {
    if session.is_open() {
        return Err(virt_error::internal("connection already open"));
    }
    let Some(uri) = args.name else {
        return Err(virt_error::internal("connection not open"));
    };
    open_uri::check(&uri, shared.config().mode)?;
    session.open(uri, args.flags & CONNECT_READ_ONLY != 0);
    Ok(())
}

/// One question may come before the connection is open: whether pings are understood.
pub(super) fn supports(session: &mut Session, feature: Feature) -> Result<NumberReply, Failure> {
    if feature == Feature::ProgramKeepalive {
        session.wants_pings = true;
        return Ok(NumberReply { value: 1 });
    }
    if !session.is_open() {
        return Err(not_open(false));
    }
    let has = matches!(feature, Feature::RemoteEventCallback | Feature::RemoteCloseCallback);
    Ok(NumberReply { value: i32::from(has) })
}

pub(super) fn driver_type() -> TextReply {
    TextReply { value: "nodedev".to_owned() }
}

/// The client knows whether its own transport is secure, and asks only about what is behind.
pub(super) const fn is_secure() -> NumberReply {
    NumberReply { value: 1 }
}

pub(super) const fn library_version() -> LargeNumberReply {
    LargeNumberReply { value: LIBRARY_VERSION }
}
