//! The crates that must do without the standard library: they build so, and so do their dependencies.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::Command;

/// Checked by tidy for `#![no_std]`, and here for what they depend on.
pub(crate) const CRATES: &[&str] = &["nodedev-types", "nodedev-merge"];

/// Checks them without their default features and looks for features called `std` below them.
///
/// # Errors
///
/// When one does not build so, or pulls the standard library in.
pub(crate) fn check(root: &Path) -> Result<()> {
    for package in CRATES {
        let tree = [
            "tree",
            "--package",
            package,
            "--no-default-features",
            "--edges=normal,no-proc-macro",
            "--prefix=none",
            "--format={p}|{f}",
        ];
        let tree = Command::cargo(root).args(tree).output()?;
        let with_std = with_std(&tree);
        if !with_std.is_empty() {
            bail!(
                "{package} builds without the standard library, but its feature `std` is on in: {}",
                with_std.join(", ")
            );
        }
        let check = ["check", "--package", package, "--no-default-features"];
        Command::cargo(root).args(check).run()?;
    }
    Ok(())
}

/// The packages of a listing `NAME VERSION|FEATURE,FEATURE` whose feature `std` is on.
fn with_std(tree: &str) -> Vec<&str> {
    tree.lines()
        .filter_map(|line| line.split_once('|'))
        .filter(|(_, features)| {
            features.trim_end_matches(" (*)").split(',').any(|feature| feature == "std")
        })
        .map(|(package, _)| package)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_with_std_is_found() {
        let tree = "a v1.0.0|alloc\nb v2.0.0|default,std\nc v1.0.0|\nd v1.0.0|std (*)\n";
        assert_eq!(with_std(tree), ["b v2.0.0", "d v1.0.0"]);
    }
}
