//! What a text or the value of an attribute can be, by the rules of XML Schema's types.

/// A set of values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// Any text.
    Any,
    /// One of these words, with white space around or not.
    Word(&'static [&'static str]),
    /// What the function takes, in words with an article.
    Such(&'static str, fn(&str) -> bool),
}

pub(super) const UINT: Value = Value::Such("a decimal number up to 4294967295", |text| {
    is_digits(text) && text.parse::<u32>().is_ok()
});
pub(super) const ULONG: Value =
    Value::Such("a decimal number up to 18446744073709551615", |text| {
        is_digits(text) && text.parse::<u64>().is_ok()
    });
pub(super) const INT: Value =
    Value::Such("a whole number of 32 bits", |text| integer(text).is_some());
pub(super) const LOWER_HEX: Value =
    Value::Such("a hexadecimal number in lower case, `0x` in front or not", |text| {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
pub(super) const PCI_CLASS: Value =
    Value::Such("`0x` and six hexadecimal digits", |text| is_hex_after(text, "0x", 6, 6));
pub(super) const UUID: Value =
    Value::Such("32 hexadecimal digits, together or 8-4-4-4-12", |text| match text.len() {
        36 => is_parted(text, "-", &[8, 4, 4, 4, 12]),
        _ => is_hex(text, 32, 32),
    });
pub(super) const MAC: Value =
    Value::Such("six pairs of hexadecimal digits with colons between", |text| {
        is_parted(text, ":", &[2; 6])
    });
pub(super) const WWN: Value = Value::Such("16 hexadecimal digits, `0x` in front or not", |text| {
    is_hex(text.strip_prefix("0x").unwrap_or(text), 16, 16)
});
/// Letters, digits and a few signs, although device nodes may be called otherwise.
pub(super) const NODE_PATH: Value =
    Value::Such("an absolute path of letters, digits and `_+-/%`", |text| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-/%".contains(&byte);
        text.strip_prefix('/').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_known))
    });
pub(super) const FEATURE: Value = Value::Such("letters, `-` and `_`", |text| {
    let is_known = |byte: u8| byte.is_ascii_alphabetic() || b"-_".contains(&byte);
    !text.is_empty() && text.bytes().all(is_known)
});
/// The sign between the two numbers can be any.
pub(super) const SPEED: Value = Value::Such("a number such as `8` or `2.5`", |text| {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let mut behind = rest.chars();
    let sign = behind.next();
    rest.len() < text.len()
        && sign.is_none_or(|sign| is_one_line(sign) && is_digits(behind.as_str()))
});
pub(super) const AP_ADAPTER: Value =
    Value::Such("`0x` and one or two hexadecimal digits, or 0 to 255", |text| {
        is_hex_after(text, "0x", 1, 2) || is_integer(text, 255)
    });
pub(super) const AP_DOMAIN: Value =
    Value::Such("`0x` and up to four hexadecimal digits, or 0 to 255", |text| {
        is_hex_after(text, "0x", 1, 4) || is_integer(text, 255)
    });
pub(super) const CSS_ID: Value = Value::Such("0x0 to 0xfe, or 0 to 254", |text| {
    let is_all_ones = text.eq_ignore_ascii_case("0xff");
    (is_hex_after(text, "0x", 1, 2) && !is_all_ones) || is_integer(text, 254)
});
pub(super) const SUBCHANNEL_SET: Value = Value::Such("0 to 3, `0x` in front or not", |text| {
    matches!(text.strip_prefix("0x").unwrap_or(text).as_bytes(), [b'0'..=b'3'])
});
pub(super) const DEVICE_NUMBER: Value =
    Value::Such("`0x` and up to four hexadecimal digits, or 0 to 65535", |text| {
        is_hex_after(text, "0x", 1, 4) || is_integer(text, 65535)
    });
pub(super) const VPD_TEXT: Value =
    Value::Such("a text of one line and at most 255 characters", |text| {
        text.chars().all(is_one_line) && text.chars().count() <= 255
    });
pub(super) const VPD_VENDOR: Value = Value::Such("a digit or an upper-case letter", |text| {
    matches!(text.as_bytes(), [b'0'..=b'9' | b'A'..=b'Z'])
});
/// `YA` is the asset tag.
pub(super) const VPD_SYSTEM: Value =
    Value::Such("a digit or an upper-case letter other than `A`", |text| {
        matches!(text.as_bytes(), [b'0'..=b'9' | b'B'..=b'Z'])
    });

impl Value {
    pub(super) fn takes(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Word(words) => is_word(text, words),
            Self::Such(_, is_such) => is_such(text),
        }
    }

    /// What it takes, with an article.
    pub(super) fn named(self) -> String {
        match self {
            Self::Any => "a text".to_owned(),
            Self::Word(words) => one_of(words),
            Self::Such(named, _) => named.to_owned(),
        }
    }
}

/// Whether it is one of these words, which have no white space in them.
pub(super) fn is_word(text: &str, words: &[&str]) -> bool {
    words.contains(&text.trim_matches(is_space))
}

pub(super) fn one_of(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [word] => word.clone(),
        words => format!("one of {}", words.join(", ")),
    }
}

/// White space of XML, which is less than that of Unicode.
pub(super) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

const fn is_one_line(c: char) -> bool {
    !matches!(c, '\n' | '\r')
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of XML Schema's type `int`, which allows white space around and a sign.
fn integer(text: &str) -> Option<i32> {
    let text = text.trim_matches(is_space);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_digits(digits) { text.parse().ok() } else { None }
}

fn is_integer(text: &str, most: i32) -> bool {
    integer(text).is_some_and(|number| (0..=most).contains(&number))
}

fn is_hex(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_hex_after(text: &str, before: &str, least: usize, most: usize) -> bool {
    text.strip_prefix(before).is_some_and(|digits| is_hex(digits, least, most))
}

/// Hexadecimal digits, so many in each part.
fn is_parted(text: &str, between: &str, lengths: &[usize]) -> bool {
    let parts: Vec<_> = text.split(between).collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| is_hex(part, *length, *length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(value.takes(text), "{text:?} is {}", value.named());
        }
        for text in bad {
            assert!(!value.takes(text), "{text:?} is not {}", value.named());
        }
    }

    #[test]
    fn numbers_have_their_ranges() {
        check(
            UINT,
            &["0", "007", "4294967295"],
            &["", "4294967296", "-1", "+1", " 1", "1 ", "0x1"],
        );
        check(ULONG, &["18446744073709551615"], &["18446744073709551616", "\u{0663}"]);
        check(INT, &["-2147483648", "+7", " 7\n", "-0"], &["", "2147483648", "+-7", "- 7", "7.0"]);
        check(SPEED, &["8", "2.5", "16", "2x5", "2é5"], &["", "2.", ".5", "2..5", "2\n5", "x"]);
    }

    #[test]
    fn hexadecimal_numbers_have_their_forms() {
        check(LOWER_HEX, &["0", "0x8086", "ffffffffffffffffffff"], &["", "0x", "0xA", "0X1", "g"]);
        check(PCI_CLASS, &["0x0C03fe"], &["0x0c03f", "0x0c03fe0", "0c03fe", "0X0c03fe"]);
        check(AP_ADAPTER, &["0x0", "0xFf", "255", " +7"], &["0xfff", "256", "-1", "ff", "0x"]);
        check(AP_DOMAIN, &["0xffff", "255"], &["0x10000", "256"]);
        check(CSS_ID, &["0x0", "0xfe", "0xf", "254"], &["0xff", "0xFF", "255", "fe", "0x100"]);
        check(SUBCHANNEL_SET, &["0", "0x3"], &["4", "00", "0x", ""]);
        check(DEVICE_NUMBER, &["0xff02", "65535"], &["65536", "0x10000", "ff02"]);
    }

    #[test]
    fn names_have_their_forms() {
        let uuid = "11111111-2222-4333-8444-5555555555fF";
        check(UUID, &[uuid, &uuid.replace('-', "")], &["", &uuid[1..], &format!("{uuid}0")]);
        check(UUID, &[], &[&uuid.replacen('-', "", 1), &format!(" {uuid}"), &"-".repeat(36)]);
        check(
            MAC,
            &["02:fc:00:00:00:0A"],
            &["02:fc:00:00:00", "02-fc-00-00-00-01", "2:fc:0:0:0:1"],
        );
        check(WWN, &["50014380186b666d", "0x50014380186B666D"], &["50014380186b666", "0x"]);
        check(NODE_PATH, &["/dev/sda", "//", "/dev/a+b%20"], &["dev", "/", "/dev/a.b", "/dev/é"]);
        check(FEATURE, &["rx", "A-_"], &["", "rx1", "r x"]);
        check(VPD_TEXT, &["", &"é".repeat(255)], &[&"e".repeat(256), "a\nb"]);
        check(VPD_VENDOR, &["0", "A", "Z"], &["", "a", "AA"]);
        check(VPD_SYSTEM, &["0", "B", "Z"], &["", "A", "b"]);
    }

    #[test]
    fn words_may_have_white_space_around() {
        check(
            Value::Word(&["up", "down"]),
            &["up", " \tdown\n"],
            &["", "Up", "up down", "\u{a0}up"],
        );
    }
}
