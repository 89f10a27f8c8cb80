//! The links of a page, and the page as the book has it. Pure.

use std::collections::BTreeSet;

/// A link of the form `[text](path#anchor)` to a file of the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link<'a> {
    /// As it is written, without what follows `#`.
    pub(super) path: &'a str,
    /// Of the bracket that closes the text.
    pub(super) at: usize,
    /// Behind the bracket that closes the link.
    pub(super) end: usize,
}

/// A page, and the files that it links to or shows besides other pages.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LaidOut {
    pub(super) text: String,
    pub(super) files: Vec<String>,
}

/// What the book has besides pages.
const SHOWN: &[&str] = &[".svg", ".json"];

/// The links to files, in their order.
pub(super) fn links(text: &str) -> impl Iterator<Item = Link<'_>> {
    text.match_indices("](").filter_map(|(at, _)| {
        let target = text[at + 2..].split(')').next()?;
        let path = target.split('#').next()?;
        let outside = path.contains("://") || path.is_empty() || path.contains(char::is_whitespace);
        (!outside).then_some(Link { path, at, end: at + 2 + target.len() + 1 })
    })
}

/// The path that a page's link means, from the root of the checkout.
pub(super) fn resolved(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The page for a book of these pages: links that lead out of it become their text.
pub(super) fn lay_out(page: &str, text: &str, pages: &BTreeSet<String>) -> LaidOut {
    let mut laid_out = LaidOut { text: String::new(), files: Vec::new() };
    let mut done = 0;
    for link in links(text) {
        let Some(target) = resolved(page, link.path) else { continue };
        if SHOWN.iter().any(|end| target.ends_with(end)) {
            laid_out.files.push(target);
            continue;
        }
        // A folder stands for the page in it.
        let readme = format!("{}/README.md", link.path.trim_end_matches('/'));
        let is_folder = pages.contains(&format!("{target}/README.md"));
        if !is_folder && !pages.contains(&target) {
            let Some(open) = text[done..link.at].rfind('[').map(|open| done + open) else {
                continue;
            };
            laid_out.text += &text[done..open];
            laid_out.text += &text[open + 1..link.at];
            done = link.end;
            continue;
        }
        let path = if is_folder { &readme } else { link.path };
        if let Some(folder) = path.strip_suffix("README.md") {
            // So the book calls it.
            laid_out.text += &format!("{}]({folder}index.md", &text[done..link.at]);
            done = link.at + "](".len() + link.path.len();
        }
    }
    laid_out.text += &text[done..];
    laid_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_out_of_the_book_become_text() {
        let pages = ["docs/a.md", "crates/c/README.md"].map(str::to_owned).into();
        let text = "[a](a.md#x) [b](../src/b.rs) ![p](p.svg) [c](../crates/c/) [e](../crates/c/README.md#y) [`d`](../e/README.md) [w](https://w)\n";
        let laid_out = lay_out("docs/page.md", text, &pages);
        assert_eq!(
            laid_out.text,
            "[a](a.md#x) b ![p](p.svg) [c](../crates/c/index.md) [e](../crates/c/index.md#y) `d` [w](https://w)\n"
        );
        assert_eq!(laid_out.files, ["docs/p.svg"]);
    }
}
