//! XDR, as far as the protocol uses it: the types of WIRE's tables and their encoding (RFC 4506).
//!
//! Nothing is allocated before its length has been compared with its limit and with what is left of
//! the input, so that a lying length costs nothing.

use alloc::string::String;
use alloc::vec::Vec;

/// Longest string in bytes that either side accepts (`REMOTE_STRING_MAX`).
pub const MAX_STRING_LEN: usize = 4_194_304;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends within an item.
    #[error("the data ends within an item")]
    Truncated,
    /// A length is over the limit of its item.
    #[error("{length} {unit} where at most {limit} are allowed")]
    TooLong {
        /// What was said.
        length: u32,
        /// What is allowed.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// A value that selects what follows is unknown.
    #[error("{0} selects nothing known")]
    UnknownVariant(i32),
}

/// A value that the other side would refuse because of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{length} {unit} do not fit into a message, {limit} do")]
pub struct EncodeError {
    /// How many there are.
    pub length: usize,
    /// How many are allowed.
    pub limit: usize,
    /// What is counted.
    pub unit: &'static str,
}

/// What has not been read yet of some input.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins to read there.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] when there are not as many.
    pub const fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(DecodeError::Truncated);
        };
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a count of items that each take at least `least` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLong`] over the limit, [`DecodeError::Truncated`] when the rest cannot hold
    /// as many.
    pub fn count(
        &mut self,
        limit: usize,
        least: usize,
        unit: &'static str,
    ) -> Result<usize, DecodeError> {
        let length = u32::decode(self)?;
        let count = usize::try_from(length).unwrap_or(usize::MAX);
        if count > limit {
            return Err(DecodeError::TooLong { length, limit, unit });
        }
        match count.checked_mul(least) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(DecodeError::Truncated),
        }
    }
}

/// A value that travels.
pub trait Xdr: Sized {
    /// Appends the value.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when something of it is longer than the other side accepts; what has been
    /// appended until then is of no use.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads the value that comes next.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when there is none.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Reads the value at the beginning of a payload. Bytes after it are ignored, as libvirt does.
///
/// # Errors
///
/// [`DecodeError`] when there is none.
pub fn from_payload<T: Xdr>(payload: &[u8]) -> Result<T, DecodeError> {
    T::decode(&mut Reader::new(payload))
}

impl Xdr for () {
    fn encode(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn decode(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

macro_rules! numbers {
    ($($number:ty)*) => { $(
        impl Xdr for $number {
            fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                out.extend_from_slice(&self.to_be_bytes());
                Ok(())
            }

            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let mut bytes = [0; size_of::<Self>()];
                bytes.copy_from_slice(input.take(size_of::<Self>())?);
                Ok(Self::from_be_bytes(bytes))
            }
        }
    )* };
}

numbers! { i32 u32 i64 u64 f64 }

/// Appends a count. Whoever calls has compared it with a limit that fits.
pub(crate) fn put_count(count: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    u32::try_from(count).unwrap_or(u32::MAX).encode(out)
}

const fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

/// Text. It ends before a NUL, as for every program written in C. What is not UTF-8 is read with
/// U+FFFD in its place: it can name no device then.
impl Xdr for String {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let length = self.len();
        if length > MAX_STRING_LEN {
            return Err(EncodeError { length, limit: MAX_STRING_LEN, unit: "bytes of text" });
        }
        put_count(length, out)?;
        out.extend_from_slice(self.as_bytes());
        out.extend_from_slice(&[0; 3][..padding(length)]);
        Ok(())
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = input.count(MAX_STRING_LEN, 1, "bytes of text")?;
        let bytes = input.take(length)?;
        input.take(padding(length))?;
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Self::from_utf8_lossy(text).into_owned())
    }
}

impl<T: Xdr> Xdr for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            None => 0_u32.encode(out),
            Some(value) => {
                1_u32.encode(out)?;
                value.encode(out)
            }
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match i32::decode(input)? {
            0 => Ok(None),
            // libvirt's daemon takes any other number than 0 for a yes.
            _ => Ok(Some(T::decode(input)?)),
        }
    }
}

/// An array of at most `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List<T, const MAX: usize>(pub Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> From<Vec<T>> for List<T, MAX> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T: Xdr, const MAX: usize> Xdr for List<T, MAX> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let length = self.0.len();
        if length > MAX {
            return Err(EncodeError { length, limit: MAX, unit: "items" });
        }
        put_count(length, out)?;
        self.0.iter().try_for_each(|item| item.encode(out))
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // No item of the protocol takes less than one word.
        let count = input.count(MAX, 4, "items")?;
        (0..count).map(|_| T::decode(input)).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// Opaque bytes of a fixed length that needs no padding: only uuids.
impl Xdr for [u8; 16] {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(self);
        Ok(())
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(input.take(16)?);
        Ok(bytes)
    }
}

/// Defines structs whose fields travel one after the other.
macro_rules! messages {
    ($($(#[$doc:meta])* $vis:vis struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($(#[$field_doc])* $vis $field: $type,)*
        }

        impl $crate::xdr::Xdr for $name {
            fn encode(&self, out: &mut alloc::vec::Vec<u8>) -> Result<(), $crate::xdr::EncodeError> {
                $(self.$field.encode(out)?;)*
                Ok(())
            }

            fn decode(
                input: &mut $crate::xdr::Reader<'_>,
            ) -> Result<Self, $crate::xdr::DecodeError> {
                Ok(Self { $($field: <$type as $crate::xdr::Xdr>::decode(input)?,)* })
            }
        }
    )* };
}
pub(crate) use messages;

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    fn encoded(value: &impl Xdr) -> Vec<u8> {
        let mut out = Vec::new();
        value.encode(&mut out).unwrap();
        out
    }

    #[test]
    fn numbers_are_big_endian() {
        assert_eq!(encoded(&-2_i32), [0xff, 0xff, 0xff, 0xfe]);
        assert_eq!(encoded(&1_u64), [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(encoded(&1.5_f64), [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn text_is_padded_to_whole_words() {
        assert_eq!(encoded(&"abcde".to_owned()), *b"\0\0\0\x05abcde\0\0\0");
        assert_eq!(encoded(&"abcd".to_owned()), *b"\0\0\0\x04abcd");
        assert_eq!(from_payload::<String>(b"\0\0\0\x05abcdeXYZ").unwrap(), "abcde");
        assert_eq!(from_payload::<String>(b"\0\0\0\x05abcde\0"), Err(DecodeError::Truncated));
    }

    #[test]
    fn what_is_no_text_can_be_read_all_the_same() {
        assert_eq!(from_payload::<String>(b"\0\0\0\x02a\xff\0\0").unwrap(), "a\u{fffd}");
        assert_eq!(from_payload::<String>(b"\0\0\0\x03a\0b\0").unwrap(), "a");
    }

    #[test]
    fn a_length_is_compared_before_anything_is_allocated() {
        let error = from_payload::<String>(&[0xff; 8]).unwrap_err();
        assert_eq!(error.to_string(), "4294967295 bytes of text where at most 4194304 are allowed");
        assert_eq!(from_payload::<String>(&[0, 0x3f, 0, 0]), Err(DecodeError::Truncated));
        let list = from_payload::<List<u32, 20>>(&[0, 0, 0, 21]);
        assert_eq!(list, Err(DecodeError::TooLong { length: 21, limit: 20, unit: "items" }));
        let list = from_payload::<List<u32, 20>>(&[0, 0, 0, 20, 0, 0, 0, 1]);
        assert_eq!(list, Err(DecodeError::Truncated));
    }

    #[test]
    fn what_the_other_side_would_refuse_is_not_encoded() {
        let error = "x".repeat(MAX_STRING_LEN + 1).encode(&mut Vec::new()).unwrap_err();
        assert_eq!((error.length, error.limit), (MAX_STRING_LEN + 1, MAX_STRING_LEN));
        assert!("x".repeat(MAX_STRING_LEN).encode(&mut Vec::new()).is_ok());
        let error = List::<u32, 2>(vec![1, 2, 3]).encode(&mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "3 items do not fit into a message, 2 do");
    }

    #[test]
    fn an_optional_item_is_there_or_not() {
        assert_eq!(from_payload::<Option<u32>>(&[0; 4]), Ok(None));
        assert_eq!(from_payload::<Option<u32>>(&[0, 0, 0, 1, 0, 0, 0, 7]), Ok(Some(7)));
        assert_eq!(from_payload::<Option<u32>>(&[0, 0, 0, 2, 0, 0, 0, 7]), Ok(Some(7)));
    }
}
