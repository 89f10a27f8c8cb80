//! Pages made from the code's own tables. With `--check` writes nothing and fails on a stale page.
//!
//! Started by `cargo xtask docs`. A page is a pure function of the tables.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "tells the person who runs it what it did")]

mod dump_schema;
mod fields;
mod markdown;
mod merge_policy;
mod rpc_compat;
mod settings;
mod source_contract;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

struct Page {
    path: &'static str,
    text: fn() -> String,
}

const PAGES: &[Page] = &[
    Page { path: "crates/nodedev-driver/man/nodedevd.conf.5", text: settings::manual },
    Page { path: "crates/nodedev-driver/package/nodedevd.conf", text: settings::file },
    Page { path: "docs/dump.schema.json", text: dump_schema::page },
    Page { path: "docs/fields.md", text: fields::page },
    Page { path: "docs/merge-policy.md", text: merge_policy::page },
    Page { path: "docs/rpc-compat.md", text: rpc_compat::page },
    Page { path: "docs/source-contract.md", text: source_contract::page },
];

fn main() -> Result<()> {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => bail!("`{other}` is no option; there is --check"),
    };
    let stale = bring_all_up_to_date(check)?;
    if !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask docs` and commit the result", stale.join(", "));
    }
    Ok(())
}

/// The pages that are stale, which are none unless only checking.
fn bring_all_up_to_date(check: bool) -> Result<Vec<&'static str>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stale = Vec::new();
    for page in PAGES {
        if !bring_up_to_date(&root.join(page.path), &(page.text)(), check)? {
            stale.push(page.path);
        }
    }
    Ok(stale)
}

/// Whether the page is as it should be; when not only checking, it is then.
fn bring_up_to_date(path: &Path, page: &str, check: bool) -> Result<bool> {
    let is_fresh = fs::read_to_string(path).is_ok_and(|old| old == page);
    if is_fresh || check {
        return Ok(is_fresh);
    }
    fs::write(path, page).with_context(|| path.display().to_string())?;
    println!("written: {}", path.file_name().unwrap_or_default().display());
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_is_stale() {
        let stale = bring_all_up_to_date(true).unwrap();
        assert!(stale.is_empty(), "{stale:?}: run `cargo xtask docs` and commit the result");
    }

    #[test]
    fn checking_finds_a_stale_page_and_leaves_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.md");
        assert!(!bring_up_to_date(&path, "new", true).unwrap());
        assert!(!path.exists());
        assert!(bring_up_to_date(&path, "new", false).unwrap());
        assert!(bring_up_to_date(&path, "new", true).unwrap());
        assert!(!bring_up_to_date(&path, "newer", true).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn every_page_has_a_title_and_says_that_it_is_made() {
        for Page { path, text } in PAGES {
            let page = text();
            if path.ends_with(".md") {
                assert!(page.starts_with("# "), "{path}");
            }
            // But for a file that is there to be edited.
            let notice = page.contains("Made by `cargo xtask docs`. Do not edit.");
            assert_eq!(notice, !path.ends_with("package/nodedevd.conf"), "{path}");
            assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{path}");
        }
    }
}
