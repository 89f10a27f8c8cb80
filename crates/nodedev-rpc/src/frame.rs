//! One frame: a header of seven words and a payload.

use alloc::vec::Vec;

use crate::xdr::{DecodeError, EncodeError, Reader, Xdr};

/// Bytes of the header, the word with the length included.
pub const HEADER_LEN: usize = 28;

/// Longest frame in bytes, the word with the length included.
pub const MAX_FRAME_LEN: usize = 33_554_432 + 4;

/// Program number of the calls and events.
pub const PROGRAM_REMOTE: u32 = 0x2000_8086;

/// Version of both programs.
pub const PROGRAM_VERSION: u32 = 1;

/// Gives an enum of known numbers that keeps unknown ones.
macro_rules! numbered {
    ($($(#[$doc:meta])* pub enum $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)*
    })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// Any other number.
            Unknown(i32),
        }

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }
        }

        impl From<$name> for i32 {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => $number,)*
                    $name::Unknown(other) => other,
                }
            }
        }

        impl $crate::xdr::Xdr for $name {
            fn encode(&self, out: &mut alloc::vec::Vec<u8>) -> Result<(), $crate::xdr::EncodeError> {
                i32::from(*self).encode(out)
            }

            fn decode(
                input: &mut $crate::xdr::Reader<'_>,
            ) -> Result<Self, $crate::xdr::DecodeError> {
                i32::decode(input).map(Self::from)
            }
        }
    )* };
}
pub(crate) use numbered;

numbered! {
    /// What a frame is.
    pub enum MessageType {
        /// A call of the client's.
        Call = 0,
        /// The answer to a call.
        Reply = 1,
        /// An event, or a word of the keepalive program.
        Message = 2,
        /// Data of a stream.
        Stream = 3,
        /// A call that brings file descriptors.
        CallWithFds = 4,
        /// An answer that brings file descriptors.
        ReplyWithFds = 5,
        /// A hole in a stream.
        StreamHole = 6,
    }

    /// How a call went.
    pub enum Status {
        /// Well. Calls carry it too.
        Ok = 0,
        /// Not; the payload is an error message.
        Error = 1,
        /// A stream goes on.
        Continue = 2,
    }
}

/// The six words after the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which protocol: [`PROGRAM_REMOTE`] or the keepalive program.
    pub program: u32,
    /// Version of the program.
    pub version: u32,
    /// Number of the procedure within the program.
    pub procedure: i32,
    /// What the frame is.
    pub kind: MessageType,
    /// The call's number, counted by the client; the reply to it has the same.
    pub serial: u32,
    /// How it went.
    pub status: Status,
}

impl Header {
    /// The header of a call.
    #[must_use]
    pub const fn call(procedure: i32, serial: u32) -> Self {
        Self {
            program: PROGRAM_REMOTE,
            version: PROGRAM_VERSION,
            procedure,
            kind: MessageType::Call,
            serial,
            status: Status::Ok,
        }
    }

    /// The header of an event. libvirt's daemon counts none of them: the serial is always 1.
    #[must_use]
    pub const fn event(procedure: i32) -> Self {
        Self { kind: MessageType::Message, serial: 1, ..Self::call(procedure, 1) }
    }

    /// The header of the answer to a call.
    #[must_use]
    pub const fn reply(self, status: Status) -> Self {
        Self { kind: MessageType::Reply, status, ..self }
    }
}

impl Xdr for Header {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.program.encode(out)?;
        self.version.encode(out)?;
        self.procedure.encode(out)?;
        self.kind.encode(out)?;
        self.serial.encode(out)?;
        self.status.encode(out)
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            program: Xdr::decode(input)?,
            version: Xdr::decode(input)?,
            procedure: Xdr::decode(input)?,
            kind: Xdr::decode(input)?,
            serial: Xdr::decode(input)?,
            status: Xdr::decode(input)?,
        })
    }
}

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub header: Header,
    /// What it brings.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame with that value as its payload, as the bytes that travel.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the other side would refuse it because of its size.
    pub fn bytes_of(header: &Header, payload: &impl Xdr) -> Result<Vec<u8>, EncodeError> {
        Self::bytes_with(header, |out| payload.encode(out))
    }

    /// A frame whose payload is appended by a function, as the bytes that travel.
    ///
    /// # Errors
    ///
    /// As for [`Frame::bytes_of`].
    pub fn bytes_with(
        header: &Header,
        payload: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<Vec<u8>, EncodeError> {
        let mut out = alloc::vec![0; 4];
        header.encode(&mut out)?;
        payload(&mut out)?;
        let length = out.len();
        if length > MAX_FRAME_LEN {
            return Err(EncodeError { length, limit: MAX_FRAME_LEN, unit: "bytes" });
        }
        let word = u32::try_from(length).unwrap_or(u32::MAX);
        out[..4].copy_from_slice(&word.to_be_bytes());
        Ok(out)
    }

    /// The bytes that travel.
    ///
    /// # Errors
    ///
    /// As for [`Frame::bytes_of`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        Self::bytes_with(&self.header, |out| {
            out.extend_from_slice(&self.payload);
            Ok(())
        })
    }
}
