//! Typed parameters: a name with a value of one of seven types.

use alloc::string::String;
use alloc::vec::Vec;

use crate::xdr::{DecodeError, EncodeError, Reader, Xdr};

/// A value with its type, in the order of their numbers from 1 on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ParamValue {
    /// Type 1.
    Int(i32),
    /// Type 2.
    UnsignedInt(u32),
    /// Type 3.
    Long(i64),
    /// Type 4.
    UnsignedLong(u64),
    /// Type 5.
    Double(f64),
    /// Type 6: 0 or 1.
    Boolean(i32),
    /// Type 7.
    String(String),
}

impl ParamValue {
    /// Number of its type on the wire (`VIR_TYPED_PARAM_INT` and so on).
    #[must_use]
    pub const fn number(&self) -> i32 {
        match self {
            Self::Int(_) => 1,
            Self::UnsignedInt(_) => 2,
            Self::Long(_) => 3,
            Self::UnsignedLong(_) => 4,
            Self::Double(_) => 5,
            Self::Boolean(_) => 6,
            Self::String(_) => 7,
        }
    }
}

impl Xdr for ParamValue {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.number().encode(out)?;
        match self {
            Self::Int(value) | Self::Boolean(value) => value.encode(out),
            Self::UnsignedInt(value) => value.encode(out),
            Self::Long(value) => value.encode(out),
            Self::UnsignedLong(value) => value.encode(out),
            Self::Double(value) => value.encode(out),
            Self::String(value) => value.encode(out),
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match i32::decode(input)? {
            1 => Self::Int(Xdr::decode(input)?),
            2 => Self::UnsignedInt(Xdr::decode(input)?),
            3 => Self::Long(Xdr::decode(input)?),
            4 => Self::UnsignedLong(Xdr::decode(input)?),
            5 => Self::Double(Xdr::decode(input)?),
            6 => Self::Boolean(Xdr::decode(input)?),
            7 => Self::String(Xdr::decode(input)?),
            other => return Err(DecodeError::UnknownVariant(other)),
        })
    }
}

/// One parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedParam {
    /// Its name.
    pub field: String,
    /// Its value.
    pub value: ParamValue,
}

impl Xdr for TypedParam {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.field.encode(out)?;
        self.value.encode(out)
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { field: Xdr::decode(input)?, value: Xdr::decode(input)? })
    }
}
