//! Numbers as the C library's `strtol` family reads them, without trailing junk.

const WHITE_SPACE: [char; 6] = [' ', '\t', '\n', '\u{b}', '\u{c}', '\r'];

/// Reads a signed number of 32 bits. Base 0 means: `0x` is hexadecimal, `0b` is binary, `0` is octal,
/// else decimal.
pub(crate) fn signed(text: &str, base: u32) -> Option<i32> {
    let (negative, magnitude) = parse(text, base)?;
    let magnitude = i64::try_from(magnitude).ok()?;
    i32::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Reads an unsigned number of 32 bits. `-1` means the highest one.
pub(crate) fn unsigned(text: &str, base: u32) -> Option<u32> {
    let (negative, magnitude) = parse(text, base)?;
    let magnitude = u32::try_from(magnitude).ok()?;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// Reads an unsigned number of 64 bits. `-1` means the highest one.
pub(crate) fn unsigned_long(text: &str, base: u32) -> Option<u64> {
    let (negative, magnitude) = parse(text, base)?;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// Reads the unsigned number of 32 bits that a text begins with, and gives what is behind it.
pub(crate) fn leading(text: &str, base: u32) -> Option<(u32, &str)> {
    let (_, digits, actual) = start(text, base);
    let count = digits.bytes().take_while(|&b| char::from(b).is_digit(actual)).count();
    let (number, behind) = text.split_at(text.len() - digits.len() + count);
    Some((unsigned(number, base)?, behind))
}

/// What is behind the one character that separates two numbers, whichever it is.
pub(crate) fn behind_separator(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next()?;
    Some(chars.as_str())
}

/// Reads the signed decimal number of 64 bits that a text begins with.
pub(crate) fn leading_long(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(WHITE_SPACE);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    text[..text.len() - digits.len() + count].parse().ok()
}

/// White space, a sign, a prefix, then digits to the end.
fn parse(text: &str, base: u32) -> Option<(bool, u64)> {
    let (negative, digits, base) = start(text, base);
    // `from_str_radix` would take a second sign.
    if !digits.starts_with(|c: char| c.is_digit(base)) {
        return None;
    }
    Some((negative, u64::from_str_radix(digits, base).ok()?))
}

/// The sign, what is behind the sign and the prefix, and the base that they tell.
fn start(text: &str, base: u32) -> (bool, &str, u32) {
    let text = text.trim_start_matches(WHITE_SPACE);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = prefixed(text, 'x', 16).filter(|_| matches!(base, 0 | 16));
    let binary = prefixed(text, 'b', 2).filter(|_| base == 0);
    let (digits, base) = match (hexadecimal, binary, base) {
        (Some(digits), _, _) => (digits, 16),
        (None, Some(digits), _) => (digits, 2),
        (None, None, 0) if text.starts_with('0') => (text, 8),
        (None, None, 0) => (text, 10),
        (None, None, base) => (text, base),
    };
    (negative, digits, base)
}

/// What is behind the prefix of a base, if a digit of that base is.
fn prefixed(text: &str, letter: char, base: u32) -> Option<&str> {
    let digits = text.strip_prefix('0')?.strip_prefix([letter, letter.to_ascii_uppercase()])?;
    Some(digits).filter(|digits| digits.starts_with(|c: char| c.is_digit(base)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_comes_from_the_prefix_where_it_is_automatic() {
        assert_eq!(unsigned("0x1f", 0), Some(31));
        assert_eq!(unsigned("017", 0), Some(15));
        assert_eq!(unsigned("17", 0), Some(17));
        assert_eq!(unsigned("0", 0), Some(0));
        assert_eq!(unsigned("017", 10), Some(17));
        assert_eq!(unsigned("0x1f", 16), Some(31));
        assert_eq!(unsigned("1f", 16), Some(31));
        assert_eq!(unsigned("0x1f", 10), None);
        assert_eq!(unsigned("0b11", 0), Some(3));
        assert_eq!(unsigned("0B2", 0), None);
        assert_eq!(unsigned("0b1", 16), Some(0xb1));
        assert_eq!(unsigned("09", 0), None);
    }

    #[test]
    fn a_minus_wraps_around() {
        assert_eq!(unsigned("-1", 10), Some(u32::MAX));
        assert_eq!(unsigned("-4294967296", 10), None);
        assert_eq!(unsigned_long("-1", 10), Some(u64::MAX));
        assert_eq!(signed("-1", 10), Some(-1));
    }

    #[test]
    fn a_leading_number_ends_where_its_digits_end() {
        assert_eq!(leading("12:3", 10), Some((12, ":3")));
        assert_eq!(leading(" -1.x", 16), Some((u32::MAX, ".x")));
        assert_eq!(leading("0x1fz", 16), Some((0x1f, "z")));
        assert_eq!(leading("0x1f", 10), Some((0, "x1f")));
        assert_eq!(leading("0xg", 16), Some((0, "xg")));
        for text in ["", ":1", "x", "-", "4294967296:"] {
            assert_eq!(leading(text, 10), None, "{text:?}");
        }
    }

    #[test]
    fn a_leading_long_number_is_decimal_and_has_a_sign() {
        assert_eq!(leading_long(" -12x"), Some(-12));
        assert_eq!(leading_long("0x8"), Some(0));
        for text in ["", "x", "--1", "- 1", "+", "9223372036854775808"] {
            assert_eq!(leading_long(text), None, "{text:?}");
        }
    }

    #[test]
    fn junk_emptiness_and_overflow_are_no_numbers() {
        for text in ["", " ", "-", "+-1", "0x", "1 ", "1x", "4294967296", "\u{e9}"] {
            assert_eq!(unsigned(text, 0), None, "{text:?}");
        }
        assert_eq!(unsigned(" \t7", 10), Some(7));
        assert_eq!(signed("2147483648", 10), None);
        assert_eq!(unsigned_long("18446744073709551616", 10), None);
    }
}
