//! What is found in a text by its form alone: hardware addresses, world-wide names, uuids.

use std::ops::Range;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Mac,
    Wwn,
    Uuid,
    Serial,
    Label,
    Link,
}

/// Something found in a text.
#[derive(Debug)]
pub(super) struct Find {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
    /// Its digits, in lower case.
    pub(super) value: String,
}

impl Kind {
    /// Whether it is made of hexadecimal digits.
    pub(super) const fn is_number(self) -> bool {
        matches!(self, Self::Mac | Self::Wwn | Self::Uuid)
    }

    /// The replacement for the value of that number, with that many digits where it is a number.
    pub(super) fn replacement(self, count: u64, digits: usize) -> String {
        match self {
            // An address that its owner has chosen.
            Self::Mac => format!("02{count:0width$x}", width = digits.saturating_sub(2)),
            Self::Wwn => format!("5{count:0width$x}", width = digits.saturating_sub(1)),
            Self::Uuid => format!("0000000000004000{:016x}", (8 << 60) + count),
            Self::Serial => format!("SERIAL{count:04}"),
            Self::Label => format!("LABEL{count:04}"),
            Self::Link => format!("LINK{count:04}"),
        }
    }
}

/// All that is found, from left to right.
pub(super) fn all(text: &str) -> Vec<Find> {
    let bytes = text.as_bytes();
    let mut finds = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let begins = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        match begins.then(|| one(bytes, at)).flatten() {
            Some((kind, found)) => {
                let digits = |byte: &&u8| byte.is_ascii_hexdigit();
                let value = bytes[found.clone()].iter().filter(digits);
                let value = value.map(|byte| char::from(byte.to_ascii_lowercase())).collect();
                at = found.end;
                finds.push(Find { kind, at: found, value });
            }
            None => at += 1,
        }
    }
    finds
}

/// The digits, with what stands between those of the old text.
pub(super) fn like(old: &str, digits: &str) -> String {
    let mut digits = digits.chars();
    let new = |c: char| if c.is_ascii_hexdigit() { digits.next().unwrap_or('0') } else { c };
    old.chars().map(new).collect()
}

fn one(bytes: &[u8], at: usize) -> Option<(Kind, Range<usize>)> {
    let rest = &bytes[at..];
    if let Some(length) = uuid(rest) {
        return Some((Kind::Uuid, at..at + length));
    }
    if let Some(length) = groups(rest) {
        return Some((Kind::Mac, at..at + length));
    }
    // What udev calls interfaces after their address.
    if [&b"enx"[..], b"wlx", b"wwx"].iter().any(|start| rest.starts_with(start))
        && digits(&rest[3..]) == 12
    {
        return Some((Kind::Mac, at + 3..at + 15));
    }
    let skip = if rest.starts_with(b"0x") { 2 } else { 0 };
    (digits(&rest[skip..]) == 16).then_some((Kind::Wwn, at + skip..at + skip + 16))
}

/// How many hexadecimal digits there are; none if a letter follows them.
fn digits(bytes: &[u8]) -> usize {
    let count = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if ends(bytes, count) { count } else { 0 }
}

fn ends(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|next| !next.is_ascii_alphanumeric())
}

/// 8-4-4-4-12 digits, as in a uuid or in the name of a device that has one.
fn uuid(bytes: &[u8]) -> Option<usize> {
    let text = bytes.get(..36)?;
    let is_uuid = text.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == text[8] && matches!(byte, b'-' | b'_'),
        _ => byte.is_ascii_hexdigit(),
    });
    (is_uuid && ends(bytes, 36)).then_some(36)
}

/// Six or more pairs of digits.
fn groups(bytes: &[u8]) -> Option<usize> {
    let separator = *bytes.get(2).filter(|byte| matches!(byte, b':' | b'-' | b'_'))?;
    let is_pair = |at: usize| {
        bytes.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    };
    let mut count = usize::from(is_pair(0));
    if count == 0 {
        return None;
    }
    while bytes.get(count * 3 - 1) == Some(&separator) && is_pair(count * 3) {
        count += 1;
    }
    let length = count * 3 - 1;
    (count >= 6 && ends(bytes, length)).then_some(length)
}
