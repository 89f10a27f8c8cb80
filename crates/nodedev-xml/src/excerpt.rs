//! Values as errors repeat them.

/// Longest value that is repeated in an error, in characters.
const MAX_SHOWN: usize = 64;

/// The value or its beginning, on one line.
pub(crate) fn excerpt(value: &str) -> String {
    let mut shown = String::new();
    for (place, c) in value.chars().enumerate() {
        if place == MAX_SHOWN {
            shown.push('…');
            break;
        }
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_at_a_character() {
        assert_eq!(excerpt(&"é".repeat(64)), "é".repeat(64));
        assert_eq!(excerpt(&"é".repeat(65)), format!("{}…", "é".repeat(64)));
    }

    #[test]
    fn a_value_takes_one_line() {
        assert_eq!(excerpt("a\nb\u{9f}\u{1f600}"), "a\\nb\\u{9f}\u{1f600}");
    }
}
