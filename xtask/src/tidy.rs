//! `cargo xtask tidy`: the project's rules that the compiler does not know.
//!
//! Looks at manifests and texts only; builds nothing. Each rule is a pure function from what was
//! read to the problems found.

mod differences;
mod edges;
mod fixtures;
mod layout;
mod manifests;
mod pages;
mod sources;
pub(crate) mod tree;
pub(crate) mod workspace;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::book;
use crate::docs::pictures;
use tree::TextFile;
use workspace::Workspace;

/// A rule broken somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// A package, or a file with a line.
    subject: String,
    message: String,
}

impl Problem {
    pub(crate) fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

/// Checks everything and prints what is wrong.
///
/// # Errors
///
/// When something is wrong, or the workspace cannot be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let workspace = Workspace::read(root)?;
    let files = tree::read(root)?;
    let problems = [
        edges::check(&workspace),
        manifests::check(&workspace, &files),
        layout::check(&files),
        sources::check(&files, &sources::machine_paths(root)),
        pages::check(&files),
        book::summary::check(&files),
        pictures::check(&files),
        differences::check(&files),
        fixtures::check(&tree::hosts(root)?),
    ]
    .concat();
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("{} problems", problems.len());
    }
    println!("{} packages, {} files: tidy", workspace.packages.len(), files.len());
    Ok(())
}

/// The sub-commands of `nodedev` that the pages name.
///
/// # Errors
///
/// When the pages cannot be read.
pub(crate) fn documented_subcommands(root: &Path) -> Result<BTreeSet<String>> {
    Ok(pages::nodedev_subcommands(&tree::read(root)?))
}

/// The file of that path.
fn find<'a>(files: &'a [TextFile], path: &str) -> Option<&'a TextFile> {
    files.iter().find(|file| file.path == path)
}
