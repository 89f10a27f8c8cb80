//! Which name somebody may have meant. Knows no setting.

use strsim::levenshtein;

/// The candidate that is nearest to the name, where one is near enough to be meant.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // In a short name two other letters make another word.
    let most = if name.len() < 6 { 1 } else { 2 };
    let far = candidates.map(|candidate| (levenshtein(name, candidate), candidate));
    far.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|n| n.1)
}

#[cfg(test)]
mod tests {
    use super::*;

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
