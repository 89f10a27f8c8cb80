//! The lock files of the projects outside of the workspace: the workspace's own, less what they do not need.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command::Command;

const PROJECTS: &str = "tests/projects";
const LOCK: &str = "Cargo.lock";

/// The lock files that name something that the workspace's does not; brings them up to date, unless it is
/// only to check.
///
/// # Errors
///
/// When a file cannot be read or written, or cargo fails.
pub(super) fn bring_up_to_date(root: &Path, check: bool) -> Result<Vec<String>> {
    let workspace = fs::read_to_string(root.join(LOCK))?;
    let known = packages(&workspace);
    let mut stale = Vec::new();
    let folders = fs::read_dir(root.join(PROJECTS)).with_context(|| PROJECTS.to_owned())?;
    for folder in folders {
        let folder = folder?.path();
        if !folder.join("Cargo.toml").exists() {
            continue;
        }
        let lock = folder.join(LOCK);
        let old = fs::read_to_string(&lock).unwrap_or_default();
        if !old.is_empty() && packages(&old).is_subset(&known) {
            continue;
        }
        stale.push(lock.strip_prefix(root)?.display().to_string());
        if !check {
            fs::write(&lock, &workspace)?;
            // Takes out what is not needed.
            let metadata = ["metadata", "--offline", "--format-version=1"];
            Command::cargo(&folder).args(metadata).output()?;
        }
    }
    stale.sort();
    Ok(stale)
}

/// The packages from registries: name, version and checksum as they stand there.
fn packages(lock: &str) -> BTreeSet<[&str; 3]> {
    let blocks = lock.split("[[package]]\n").filter(|block| block.contains("\nsource = "));
    blocks
        .filter_map(|block| {
            let line = |start: &str| block.lines().find(|line| line.starts_with(start));
            Some([line("name = ")?, line("version = ")?, line("checksum = ")?])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_registries_are_compared() {
        let package = |name: &str, version: u32| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"r\"\nchecksum = \"c\"\n\n"
            )
        };
        let own = "[[package]]\nname = \"own\"\nversion = \"1\"\n";
        let all = package("a", 1) + &package("b", 2);
        let some = package("b", 2) + own;
        assert!(packages(&some).is_subset(&packages(&all)));
        assert!(!packages(&package("b", 3)).is_subset(&packages(&all)));
        assert_eq!(packages(own).len(), 0);
    }
}
