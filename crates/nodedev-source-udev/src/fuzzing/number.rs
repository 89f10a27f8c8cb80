//! Numbers, held against a slower reading of the same rules.

use crate::number;

/// Every way to read a number agrees with what `strtol` is documented to do, without overflow.
pub fn number(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for base in [0, 10, 16] {
        let (value, behind) = slowly(&text, base);
        let whole = value.filter(|_| behind.is_empty());
        let magnitude = |limit: i128| whole.filter(|(_, magnitude)| *magnitude <= limit);
        let wrapped = |bits: u32| {
            let (negative, magnitude) = magnitude((1 << bits) - 1)?;
            let value = if negative { -magnitude } else { magnitude };
            Some(value.rem_euclid(1 << bits))
        };
        let signed = whole.map(|(negative, m)| if negative { -m } else { m });
        let signed = signed.and_then(|value| i32::try_from(value).ok());
        assert_eq!(number::signed(&text, base), signed, "{text:?}");
        assert_eq!(number::unsigned(&text, base).map(i128::from), wrapped(32), "{text:?}");
        assert_eq!(number::unsigned_long(&text, base).map(i128::from), wrapped(64), "{text:?}");
        leading(&text, base);
    }
    if let Some(number) = number::leading_long(&text) {
        assert_eq!(slowly(&text, 10).0.map(|(n, m)| if n { -m } else { m }), Some(number.into()));
    }
}

/// What a text begins with is a number by itself, and what is behind it is the rest.
fn leading(text: &str, base: u32) {
    let Some((value, behind)) = number::leading(text, base) else { return };
    let number = &text[..text.len() - behind.len()];
    assert!(text.ends_with(behind));
    assert_eq!(number::unsigned(number, base), Some(value), "{text:?}");
    assert_eq!(slowly(text, base).1, behind, "{text:?}");
}

/// Sign and magnitude, cut at some limit far above all types, and what is behind the digits.
fn slowly(text: &str, base: u32) -> (Option<(bool, i128)>, &str) {
    let rest = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let prefixed = |prefix: &str, base: u32| {
        unsigned.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            && unsigned[2..].starts_with(|c: char| c.is_digit(base))
    };
    let (digits, base) = match base {
        0 | 16 if prefixed("0x", 16) => (&unsigned[2..], 16),
        0 if prefixed("0b", 2) => (&unsigned[2..], 2),
        0 if unsigned.starts_with('0') => (unsigned, 8),
        0 => (unsigned, 10),
        base => (unsigned, base),
    };
    let mut value = None;
    let mut behind = digits;
    while let Some(digit) = behind.chars().next().and_then(|c| c.to_digit(base)) {
        let limit = 1 << 100;
        value = Some((value.unwrap_or(0) * i128::from(base) + i128::from(digit)).min(limit));
        behind = &behind[1..];
    }
    (value.map(|value| (rest.starts_with('-'), value)), behind)
}
