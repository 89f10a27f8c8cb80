//! `cargo xtask new-source NAME`: a crate for a new source, made of `crates/nodedev-source-template`.
//!
//! The template is a crate of the workspace like all others, compiled, linted and tested with them, so
//! that what is made of it works. Writes nothing before everything that is to be written is known.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::Command;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  cargo xtask new-source acme      makes crates/nodedev-source-acme with AcmeSource in it

docs/adding-a-source.md tells what to change then.")]
pub(crate) struct Arguments {
    /// Name of the source, of its stream and of its name space: lower-case letters, digits and `-`
    name: String,
}

/// What the template calls itself.
const TEMPLATE: &str = "template";
/// Its folder, and the parts of it that are copied.
const FOLDER: &str = "crates/nodedev-source-template";
const PARTS: &[&str] = &["Cargo.toml", "README.md", "src", "tests"];
/// Links to these of the checkout are in each crate.
const LICENCES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];
/// Names that mean something already.
const TAKEN: &[&str] = &["computer", "mdev", "template", "testkit"];

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let name = &arguments.name;
    let files = make(root, name)?;
    for (path, text) in &files {
        let path = root.join(path);
        let folder = path.parent().context("a file in a folder")?;
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    let package = format!("nodedev-source-{name}");
    for licence in LICENCES {
        let link = root.join("crates").join(&package).join(licence);
        symlink(Path::new("../..").join(licence), &link)
            .with_context(|| link.display().to_string())?;
    }
    // Names of another length may break lines elsewhere.
    Command::cargo(root).args(["fmt", "--package", &package, "--package", "xtask"]).run()?;
    for (path, _) in &files {
        println!("written: {}", path.display());
    }
    println!(
        "\nIt works: cargo test --package {package}\n\
         Now make it yours: docs/adding-a-source.md. Say what it is in its Cargo.toml, its README and\n\
         CHANGELOG.md, and what it reads in src/reading.rs and tests/conformance.rs."
    );
    Ok(())
}

/// Every file to be written: those of the new crate, and those that have to know it.
fn make(root: &Path, name: &str) -> Result<Vec<(PathBuf, String)>> {
    check_name(name)?;
    let folder = format!("crates/nodedev-source-{name}");
    ensure!(!root.join(&folder).exists(), "{folder} is there already");
    let mut files = Vec::new();
    for part in PARTS {
        copy(root, &Path::new(FOLDER).join(part), name, &mut files)?;
    }
    let mut lists = BTreeMap::new();
    for edit in EDITS {
        let text = match lists.remove(edit.file) {
            Some(edited) => edited,
            None => {
                fs::read_to_string(root.join(edit.file)).with_context(|| edit.file.to_owned())?
            }
        };
        lists.insert(edit.file, edit.apply(&text, name)?);
    }
    files.extend(lists.into_iter().map(|(file, text)| (PathBuf::from(file), text)));
    Ok(files)
}

fn check_name(name: &str) -> Result<()> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    ensure!(
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(good)
            && !name.ends_with('-')
            && !name.contains("--")
            && name.len() <= 32,
        "`{name}` is no name of a source: lower-case letters, digits and single `-`, a letter first"
    );
    ensure!(!TAKEN.contains(&name), "`{name}` means something already");
    ensure!(
        !name.contains(TEMPLATE),
        "`{name}` has `{TEMPLATE}` in it, which is replaced by the name"
    );
    Ok(())
}

fn copy(root: &Path, path: &Path, name: &str, files: &mut Vec<(PathBuf, String)>) -> Result<()> {
    let from = root.join(path);
    if from.is_dir() {
        let entries = fs::read_dir(&from).with_context(|| from.display().to_string())?;
        for entry in entries {
            copy(root, &path.join(entry?.file_name()), name, files)?;
        }
        return Ok(());
    }
    let text = fs::read_to_string(&from).with_context(|| from.display().to_string())?;
    let to = renamed(path.to_str().context("a path of text")?, name);
    let text = renamed(&text, name).replace("publish = false\n", "");
    files.push((PathBuf::from(to), text));
    Ok(())
}

/// With the new name in place of the template's, in each of its forms.
fn renamed(text: &str, name: &str) -> String {
    let type_name: String = name.split('-').map(capitalised).collect();
    text.replace("nodedev_source_template", &format!("nodedev_source_{}", name.replace('-', "_")))
        .replace("TemplateSource", &format!("{type_name}Source"))
        .replace(TEMPLATE, name)
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + rest
}

/// A file that lists the crates: the template's line, and behind it the new crate's.
struct Edit {
    file: &'static str,
    /// The line that is found.
    line: &'static str,
    /// The line that is put before it, with `NAME` in it.
    before: &'static str,
}

const EDITS: &[Edit] = &[
    Edit {
        file: "Cargo.toml",
        line: "    \"crates/nodedev-source-template\",",
        before: "    \"crates/nodedev-source-NAME\",",
    },
    Edit {
        file: "xtask/src/tidy/edges.rs",
        line: "    (\"nodedev-source-template\", &[\"nodedev-source\", \"nodedev-types\"]),",
        before: "    (\"nodedev-source-NAME\", &[\"nodedev-source\", \"nodedev-types\"]),",
    },
    Edit {
        file: "xtask/src/tidy/edges.rs",
        line: "    (\"nodedev-source-template\", &[\"nodedev-source-testkit\"]),",
        before: "    (\"nodedev-source-NAME\", &[\"nodedev-source-testkit\"]),",
    },
    Edit {
        file: "docs/SUMMARY.md",
        line: "- [nodedev-source-template](../crates/nodedev-source-template/README.md)",
        before: "- [nodedev-source-NAME](../crates/nodedev-source-NAME/README.md)",
    },
    Edit {
        file: "CHANGELOG.md",
        line: "### Added",
        before: "- `nodedev-source-NAME`, a source of node devices.",
    },
];

impl Edit {
    fn apply(&self, text: &str, name: &str) -> Result<String> {
        let new = self.before.replace("NAME", name);
        let Some((head, tail)) = text.split_once(&format!("{}\n", self.line)) else {
            bail!(
                "{} has no line `{}`, which the new one goes beside",
                self.file,
                self.line.trim()
            );
        };
        // The changelog has a heading and a blank line, the others a neighbour.
        Ok(match tail.strip_prefix('\n') {
            Some(tail) if self.line.starts_with('#') => {
                format!("{head}{}\n\n{new}\n{tail}", self.line)
            }
            _ => format!("{head}{new}\n{}\n{tail}", self.line),
        })
    }
}

#[cfg(test)]
mod tests;
