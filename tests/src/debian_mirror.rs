//! Where a Debian in a directory is made from. A module of `xtask`, too, which depends on none of this.

use std::fs;
use std::path::Path;

/// Where packages come from when the machine's own sources name no mirror.
const MIRROR: &str = "http://deb.debian.org/debian";

/// The first mirror of Debian in the machine's own sources.
pub(crate) fn mirror() -> String {
    let folder = Path::new("/etc/apt");
    let listed = fs::read_dir(folder.join("sources.list.d")).into_iter().flatten();
    let mut files: Vec<_> = listed.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.push(folder.join("sources.list"));
    files.sort();
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.into_iter().find_map(|text| mirror_in(&text)).unwrap_or_else(|| MIRROR.to_owned())
}

fn mirror_in(sources: &str) -> Option<String> {
    let words = sources
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("URIs:") || line.starts_with("deb "))
        .flat_map(str::split_whitespace);
    let mut mirrors = words.filter(|word| word.trim_end_matches('/').ends_with("/debian"));
    mirrors.find(|word| word.contains("://")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_machine() {
        let of = |text| mirror_in(text);
        assert_eq!(of("Types: deb\nURIs: http://m/debian/\n").unwrap(), "http://m/debian/");
        let line = "deb-src http://s/debian x main\n deb [signed-by=/k] https://m/debian x main\n";
        assert_eq!(of(line).unwrap(), "https://m/debian");
        assert_eq!(of("URIs: http://m/debian-security\n# deb http://m/debian\n"), None);
    }
}
