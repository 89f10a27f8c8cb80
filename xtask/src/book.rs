//! `cargo xtask book`: the documentation as a book, by mdBook, in `target/book`.
//!
//! The pages are written for a forge: they link to each other, and to files of the checkout. They are laid out for
//! mdBook as they lie in the checkout, so that links among them hold; what else they link to becomes plain text.
//! Afterwards every link of the book is followed.

mod html;
mod markdown;
pub(crate) mod summary;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::command::Command;
use crate::{programs, toolchain};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Install nothing; fail when mdBook is missing.
    #[arg(long)]
    no_install: bool,
}

const MDBOOK: (&str, &str) = ("mdbook", "0.5.4");

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    check(root, !arguments.no_install).map(|book| println!("{}", book.join("index.html").display()))
}

/// Makes it, follows its links, and tells where it is. A step of `cargo xtask ci --full`.
pub(crate) fn check(root: &Path, install: bool) -> Result<PathBuf> {
    // Without what serves the book and watches its pages.
    let mdbook = toolchain::pinned(root, MDBOOK, Some("search"), install)?;
    let folder = programs::target_directory(root)?.join("book");
    let (pages, book) = (folder.join("pages"), folder.join("html"));
    for old in [&pages, &book] {
        let _ = fs::remove_dir_all(old);
    }
    lay_out(root, &pages)?;
    let build = Command::new(mdbook).args(["build"]).args([&pages]).args(["--dest-dir"]);
    build.args([&book]).run_on_stderr()?;
    let broken = html::broken_links(&book)?;
    for link in &broken {
        println!("{link}");
    }
    if !broken.is_empty() {
        bail!("{} links of the book lead nowhere", broken.len());
    }
    Ok(book)
}

/// Copies the pages of the summary and what they show.
fn lay_out(root: &Path, folder: &Path) -> Result<()> {
    let text = |path: &str| fs::read_to_string(root.join(path)).with_context(|| path.to_owned());
    let summary = text(summary::PATH)?;
    let pages: BTreeSet<_> = summary::pages(&summary).into_iter().collect();
    let write = |path: &str, text: &[u8]| {
        let target = folder.join(path);
        fs::create_dir_all(target.parent().unwrap_or(folder))?;
        fs::write(&target, text).with_context(|| target.display().to_string())
    };
    for page in &pages {
        let laid_out = markdown::lay_out(page, &text(page)?, &pages);
        write(page, laid_out.text.as_bytes())?;
        for file in laid_out.files {
            write(&file, &fs::read(root.join(&file)).with_context(|| file.clone())?)?;
        }
    }
    write("SUMMARY.md", summary::from_the_root(&summary).as_bytes())?;
    write("book.toml", text("docs/book.toml")?.as_bytes())
}
