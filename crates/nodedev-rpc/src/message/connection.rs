//! Messages of the connection procedures.

use alloc::string::String;

use crate::frame::numbered;
use crate::typed_param::TypedParam;
use crate::xdr::{List, messages};

/// Flag of `CONNECT_OPEN`: the connection shall change nothing. All other bits are the client's own.
pub const CONNECT_READ_ONLY: u32 = 1;

numbered! {
    /// What a client may ask whether the server has it (`CONNECT_SUPPORTS_FEATURE`), as far as it
    /// concerns node devices.
    pub enum Feature {
        /// File descriptors may be passed.
        FdPassing = 8,
        /// The server answers pings, and may send them from now on.
        ProgramKeepalive = 10,
        /// Events carry the number of their callback.
        RemoteEventCallback = 14,
        /// Close callbacks can be registered.
        RemoteCloseCallback = 15,
    }
}

messages! {
    /// Arguments of `CONNECT_OPEN`.
    pub struct ConnectOpenArgs {
        /// The URI, without transport and host.
        name: Option<String>,
        /// [`CONNECT_READ_ONLY`], and bits that the server ignores.
        flags: u32,
    }

    /// Arguments of `CONNECT_SUPPORTS_FEATURE`.
    pub struct SupportsFeatureArgs {
        /// Which.
        feature: Feature,
    }

    /// Arguments of `CONNECT_SET_IDENTITY`.
    pub struct SetIdentityArgs {
        /// Who the connection shall count as.
        params: List<TypedParam, 20>,
        /// None are defined.
        flags: u32,
    }

    /// One number. A yes is 1, a no is 0.
    pub struct NumberReply {
        /// The number.
        value: i32,
    }

    /// One large number, such as a version: major * 1,000,000 + minor * 1,000 + micro.
    pub struct LargeNumberReply {
        /// The number.
        value: u64,
    }

    /// One text.
    pub struct TextReply {
        /// The text.
        value: String,
    }
}
