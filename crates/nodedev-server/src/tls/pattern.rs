//! Names with `*` and `?` in them.

/// Whether the whole name fits the pattern: `*` is any run of characters, `?` is one character.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last `*` stood and how much of the name it swallows, to be tried with more.
    let mut star = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((place, swallowed)) = star else {
                    return false;
                };
                star = Some((place, swallowed + 1));
                (at, seen) = (place + 1, swallowed + 1);
            }
        }
    }
    pattern[at..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit() {
        for (pattern, name) in [
            ("", ""),
            ("*", ""),
            ("*", "C=GB,CN=a"),
            ("C=GB,CN=a", "C=GB,CN=a"),
            ("C=GB,*", "C=GB,"),
            ("C=GB,O=*,CN=?", "C=GB,O=Red Hat,OU=x,CN=a"),
            ("*CN=a*b*", "O=x,CN=aab"),
            ("?", "ë"),
            ("**a**", "a"),
            ("a[b]", "a[b]"),
            ("*a", "aaaa"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn names_that_do_not() {
        for (pattern, name) in [
            ("", "a"),
            ("?", ""),
            ("?", "ab"),
            ("CN=a", "CN=ab"),
            ("CN=a", "CN=A"),
            ("CN=a", "O=x,CN=a"),
            ("*,CN=a", "CN=a"),
            ("*a", "ab"),
            ("a[b]", "ab"),
            ("a*b*c", "acb"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_cost_no_time() {
        let (pattern, name) = ("*a".repeat(40), "a".repeat(2000));
        assert!(matches(&pattern, &name));
        assert!(!matches(&format!("{pattern}b"), &name));
    }
}
