//! Messages of the authentication procedures, 66 to 70.

use alloc::string::String;
use alloc::vec::Vec;

use crate::frame::numbered;
use crate::xdr::{DecodeError, EncodeError, List, Reader, Xdr, messages, put_count};

/// Most bytes of SASL data in one message.
pub const MAX_SASL_DATA: usize = 65_536;

numbered! {
    /// A way to authenticate.
    pub enum AuthType {
        /// None is needed.
        None = 0,
        /// SASL, procedures 67 to 69.
        Sasl = 1,
        /// polkit, procedure 70.
        Polkit = 2,
    }
}

/// Data of a SASL mechanism. No data is something else than empty data.
///
/// Each byte travels as a number of its own, sign-extended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaslData(pub Option<Vec<u8>>);

impl Xdr for SaslData {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        i32::from(self.0.is_none()).encode(out)?;
        let data = self.0.as_deref().unwrap_or_default();
        let length = data.len();
        if length > MAX_SASL_DATA {
            return Err(EncodeError { length, limit: MAX_SASL_DATA, unit: "bytes of SASL data" });
        }
        put_count(length, out)?;
        data.iter().try_for_each(|byte| i32::from(byte.cast_signed()).encode(out))
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let is_none = i32::decode(input)? != 0;
        let count = input.count(MAX_SASL_DATA, 4, "bytes of SASL data")?;
        let words = input.take(count * 4)?;
        let data = words.chunks_exact(4).map(|word| word[3]).collect();
        Ok(Self((!is_none).then_some(data)))
    }
}

messages! {
    /// Answer to `AUTH_LIST`. Clients use the first.
    pub struct AuthListReply {
        /// The ways that the server offers.
        types: List<AuthType, 20>,
    }

    /// Answer to `AUTH_SASL_INIT`.
    pub struct SaslInitReply {
        /// Names of the mechanisms, separated by commas.
        mechanisms: String,
    }

    /// Arguments of `AUTH_SASL_START`.
    pub struct SaslStartArgs {
        /// The mechanism that the client chose.
        mechanism: String,
        /// Its first data.
        data: SaslData,
    }

    /// Arguments of `AUTH_SASL_STEP`.
    pub struct SaslStepArgs {
        /// The mechanism's next data.
        data: SaslData,
    }

    /// Answer to `AUTH_SASL_START` and `AUTH_SASL_STEP`.
    pub struct SaslReply {
        /// 1 when the server needs nothing more.
        complete: i32,
        /// The mechanism's next data.
        data: SaslData,
    }

    /// Answer to `AUTH_POLKIT`.
    pub struct PolkitReply {
        /// 1: polkit allows it.
        complete: i32,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::xdr::from_payload;

    #[test]
    fn each_byte_of_sasl_data_is_a_number_with_a_sign() {
        let data = SaslData(Some(vec![0x41, 0xc3]));
        let mut bytes = Vec::new();
        data.encode(&mut bytes).unwrap();
        assert_eq!(bytes, *b"\0\0\0\0\0\0\0\x02\0\0\0\x41\xff\xff\xff\xc3");
        assert_eq!(from_payload::<SaslData>(&bytes), Ok(data));
    }

    #[test]
    fn no_sasl_data_is_not_empty_data() {
        assert_eq!(from_payload::<SaslData>(&[0, 0, 0, 1, 0, 0, 0, 0]), Ok(SaslData(None)));
        assert_eq!(from_payload::<SaslData>(&[0; 8]), Ok(SaslData(Some(Vec::new()))));
        assert_eq!(
            from_payload::<SaslData>(&[0, 0, 0, 0, 0, 1, 0, 0]),
            Err(DecodeError::Truncated)
        );
    }
}
