//! Which name somebody may have meant. Knows no setting.

/// The candidate that is nearest to the name, where one is near enough to be meant.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // In a short name two other letters make another word.
    let most = if name.len() < 6 { 1 } else { 2 };
    let far = candidates.map(|candidate| (distance(name, candidate), candidate));
    far.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|n| n.1)
}

/// How many letters have to be put in, taken out or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = line + 1;
        next.push(left);
        for (pair, second) in row.windows(2).zip(&other) {
            let replaced = pair[0] + usize::from(letter != *second);
            left = replaced.min(pair[1] + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters() {
        let pairs = [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3)];
        for (one, other, expected) in pairs {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let names = || ["max_clients", "ca_file", "crl_file", "log_level"].into_iter();
        assert_eq!(nearest("max_client", names()), Some("max_clients"));
        assert_eq!(nearest("max_cleints", names()), Some("max_clients"));
        assert_eq!(nearest("cafile", names()), Some("ca_file"));
        assert_eq!(nearest("min_workers", names()), None);
        assert_eq!(nearest("x", names()), None);
    }
}
