//! Dependencies by cargo-deny, whose rules are in `deny.toml`: of the workspace, and of the packages outside of it
//! that have lock files of their own.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::command::Command;
use crate::step::Context;
use crate::tidy::tree::{self, TextFile};
use crate::toolchain;

/// Who has no way to the database is told so sooner.
const FETCH: Duration = Duration::from_secs(60);

/// Licences, bans and origins.
///
/// # Errors
///
/// When a dependency breaks a rule, or cargo-deny cannot be had.
pub(crate) fn rules(context: &Context<'_>) -> Result<()> {
    toolchain::require_tool(context.root, "cargo-deny", context.install)?;
    check(context.root, &["bans", "licenses", "sources"])
}

/// Known vulnerabilities. Where their database cannot be had, that is said and no failure.
///
/// # Errors
///
/// When a dependency has one or was withdrawn, or cargo-deny cannot be had.
pub(crate) fn advisories(context: &Context<'_>) -> Result<()> {
    toolchain::require_tool(context.root, "cargo-deny", context.install)?;
    let fetch = Command::within(FETCH, "cargo").folder(context.root).args(["deny", "fetch", "db"]);
    if !fetch.succeeds() {
        println!("skipped: the database of advisories cannot be had from here");
        return Ok(());
    }
    check(context.root, &["advisories"])
}

/// Without the inclusion graphs, which are the most of what it prints.
fn check(root: &Path, what: &[&str]) -> Result<()> {
    let manifests = manifests(&tree::read(root)?);
    if manifests.is_empty() {
        bail!("there is no lock file below {}", root.display());
    }
    for manifest in manifests {
        println!("{manifest}:");
        let deny = ["deny", "--log-level=error", "--locked", "--config=deny.toml"];
        let check = ["--manifest-path", &manifest, "check", "--hide-inclusion-graph"];
        Command::cargo(root).args(deny).args(check).args(what).run()?;
    }
    Ok(())
}

/// The manifest beside each lock file.
fn manifests(files: &[TextFile]) -> Vec<String> {
    let folders = files.iter().filter_map(|file| file.path.strip_suffix("Cargo.lock"));
    let folders = folders.filter(|folder| folder.is_empty() || folder.ends_with('/'));
    folders.map(|folder| format!("{folder}Cargo.toml")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lock_file_has_its_manifest() {
        let file = |path: &str| TextFile { path: path.to_owned(), text: String::new() };
        let files = ["Cargo.lock", "Cargo.toml", "a/fuzz/Cargo.lock", "a/notCargo.lock"].map(file);
        assert_eq!(manifests(&files), ["Cargo.toml", "a/fuzz/Cargo.toml"]);
    }
}
