//! The links of a book: whether each leads to a file that is there, and to a place in it that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};

/// The links that lead nowhere, as `page: link`.
///
/// # Errors
///
/// When a page cannot be read.
pub(super) fn broken_links(book: &Path) -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    read(book, &mut pages)?;
    let places: BTreeMap<_, _> =
        pages.iter().map(|(path, text)| (path.clone(), values(text, "id"))).collect();
    let mut broken = Vec::new();
    for (path, text) in &pages {
        // The one page with all pages, and the one for addresses that are wrong, link from elsewhere.
        if path.ends_with("print.html") || path.ends_with("404.html") {
            continue;
        }
        for link in values(text, "href").into_iter().chain(values(text, "src")) {
            if !leads_somewhere(book, path, link, &places) {
                let page = path.strip_prefix(book).unwrap_or(path);
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    Ok(broken)
}

fn read(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            pages.insert(path, text);
        }
    }
    Ok(())
}

/// The values of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> BTreeSet<&'a str> {
    let start = format!(" {attribute}=\"");
    html.match_indices(&start)
        .filter_map(|(at, found)| html[at + found.len()..].split('"').next())
        .collect()
}

fn leads_somewhere(
    book: &Path,
    page: &Path,
    link: &str,
    places: &BTreeMap<PathBuf, BTreeSet<&str>>,
) -> bool {
    if link.contains("://") || link.starts_with("data:") || link.starts_with("mailto:") {
        return true;
    }
    let (path, place) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_owned(),
        path => normal(&page.parent().unwrap_or(book).join(path)),
    };
    if !target.starts_with(book) || !target.is_file() {
        return false;
    }
    // Of other files than pages no place is known.
    place.is_empty() || places.get(&target).is_none_or(|places| places.contains(place))
}

/// Without `..`, which a book has no links for that these would change.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_to_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let book = folder.path();
        fs::create_dir(book.join("docs")).unwrap();
        fs::write(
            book.join("index.html"),
            r#"<p id="x"> <img src="p.svg"> <a href="docs/a.html#y">"#,
        )
        .unwrap();
        fs::write(book.join("p.svg"), "").unwrap();
        let page = r##"<p id="y"> <a href="../index.html#x"> <a href="#y"> <a href="https://w"> <a href="#z">
            <a href="b.html"> <a href="../index.html#gone"> <a href="../../out.html">"##;
        fs::write(book.join("docs/a.html"), page).unwrap();
        let broken = broken_links(book).unwrap();
        let expected = [
            "docs/a.html: #z",
            "docs/a.html: ../../out.html",
            "docs/a.html: ../index.html#gone",
            "docs/a.html: b.html",
        ];
        assert_eq!(broken, expected);
    }
}
