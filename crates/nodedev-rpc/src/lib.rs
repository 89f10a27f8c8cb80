#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod frame;
mod framing;
mod keepalive;
mod message;
mod procedure;
mod typed_param;
mod unserved;
mod xdr;

pub use error::{ErrorCode, ErrorDomain, ErrorMessage, LEVEL_ERROR, LEVEL_WARNING};
pub use frame::{
    Frame, HEADER_LEN, Header, MAX_FRAME_LEN, MessageType, PROGRAM_REMOTE, PROGRAM_VERSION, Status,
};
pub use framing::{FrameDecoder, FrameError, Received};
pub use keepalive::{Keepalive, PROGRAM_KEEPALIVE, Pinger, Tick};
pub use message::*;
pub use procedure::{
    Answer, Call, CallError, PROCEDURES, Procedure, ProcedureInfo, Reply, Stage, procedures,
};
pub use typed_param::{ParamValue, TypedParam};
pub use unserved::{LAST, UNSERVED, Unserved, unserved};
pub use xdr::{DecodeError, EncodeError, List, MAX_STRING_LEN, Reader, Xdr, from_payload};
