//! How text gets into a document: libvirt's escaping, the same in text and in attributes.

/// Appends the text with the five special characters escaped and control characters dropped.
///
/// libvirt drops 0x01 to 0x19 except tab, line feed and carriage return, and lets 0x1a to 0x1f pass,
/// although no XML reader takes those. NUL, which no C string can hold, goes with the dropped ones.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let Some(replacement) = replacement(byte) else {
            continue;
        };
        // Every byte that is replaced is ASCII, so `at` is a character boundary.
        out.push_str(&text[copied..at]);
        out.push_str(replacement);
        copied = at + 1;
    }
    out.push_str(&text[copied..]);
}

const fn replacement(byte: u8) -> Option<&'static str> {
    match byte {
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'&' => Some("&amp;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&apos;"),
        b'\t' | b'\n' | b'\r' => None,
        0x00..=0x19 => Some(""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        push_escaped(&mut out, text);
        out
    }

    #[test]
    fn special_characters_are_escaped_and_the_rest_is_copied() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("<a href=\"x\">'&'", "&lt;a href=&quot;x&quot;&gt;&apos;&amp;&apos;"),
            ("&amp;", "&amp;amp;"),
            ("é<ü>\u{1f600}&", "é&lt;ü&gt;\u{1f600}&amp;"),
            (" \t\r\n ", " \t\r\n "),
            ("\u{7f}\u{80}\u{ffff}", "\u{7f}\u{80}\u{ffff}"),
        ] {
            assert_eq!(escaped(text), expected, "{text:?}");
        }
    }

    #[test]
    fn control_characters_up_to_0x19_are_dropped() {
        for byte in 0..0x20_u8 {
            let text = format!("a{}b", char::from(byte));
            let kept = matches!(byte, b'\t' | b'\n' | b'\r' | 0x1a..=0x1f);
            let expected = if kept { text.as_str() } else { "ab" };
            assert_eq!(escaped(&text), expected, "{byte:#x}");
        }
    }
}
