//! The book's table of contents, `docs/SUMMARY.md`: which pages there are, and that none is forgotten. Pure.

use super::markdown::{links, resolved};
use crate::tidy::Problem;
use crate::tidy::tree::TextFile;

pub(crate) const PATH: &str = "docs/SUMMARY.md";

/// The pages, by their paths in the checkout.
pub(super) fn pages(summary: &str) -> Vec<String> {
    links(summary).filter_map(|link| resolved(PATH, link.path)).collect()
}

/// With paths as they are in the checkout, not in `docs`.
pub(super) fn from_the_root(summary: &str) -> String {
    let (mut text, mut done) = (String::new(), 0);
    for link in links(summary) {
        if let Some(path) = resolved(PATH, link.path) {
            text += &format!("{}]({path})", &summary[done..link.at]);
            done = link.end;
        }
    }
    text + &summary[done..]
}

/// Every page of the documentation and of a crate has its place, and no page has two, which mdBook would refuse.
pub(crate) fn check(files: &[TextFile]) -> Vec<Problem> {
    let Some(summary) = files.iter().find(|file| file.path == PATH) else { return vec![] };
    let listed = pages(&summary.text);
    let is_wanted = |path: &str| {
        let of_docs = path.starts_with("docs/") && path != PATH;
        of_docs
            || (path.starts_with("crates/")
                && path.ends_with("/README.md")
                && path.matches('/').count() == 2)
    };
    let wanted = files.iter().filter(|file| file.is_page() && is_wanted(&file.path));
    let missing = wanted.filter(|file| !listed.contains(&file.path));
    let missing = missing.map(|file| Problem::new(&file.path, format!("is not in {PATH}")));
    let again = listed.iter().enumerate().filter(|(place, page)| listed[..*place].contains(page));
    let again = again.map(|(_, page)| Problem::new(page, format!("is in {PATH} twice")));
    missing.chain(again).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str =
        "# Summary\n\n[a](../README.md)\n- [b](README.md)\n- [c](../crates/c/README.md)\n";

    #[test]
    fn pages_are_named_from_the_root() {
        assert_eq!(pages(SUMMARY), ["README.md", "docs/README.md", "crates/c/README.md"]);
        let moved =
            "# Summary\n\n[a](README.md)\n- [b](docs/README.md)\n- [c](crates/c/README.md)\n";
        assert_eq!(from_the_root(SUMMARY), moved);
    }

    #[test]
    fn a_page_that_is_forgotten_or_there_twice_is_named() {
        let text = format!("{SUMMARY}- [b again](README.md)\n");
        let file = |path: &str| TextFile { path: path.to_owned(), text: text.clone() };
        let paths =
            [PATH, "docs/README.md", "docs/d.md", "crates/c/README.md", "crates/e/README.md"];
        let found: Vec<_> = check(&paths.map(file)).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "docs/d.md: is not in docs/SUMMARY.md",
                "crates/e/README.md: is not in docs/SUMMARY.md",
                "docs/README.md: is in docs/SUMMARY.md twice"
            ]
        );
    }
}
