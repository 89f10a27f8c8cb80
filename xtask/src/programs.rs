//! The programs and tests of the workspace, built once.
//!
//! Everything here is built with the features that testing the whole workspace gives: to build one
//! package alone would build most of what is below it a second time, with fewer features.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::Command;

/// Tells the tests where the programs are, which they would build for themselves otherwise.
pub(crate) const VARIABLE: &str = "NODEDEV_PROGRAMS";

const WORKSPACE: [&str; 2] = ["--workspace", "--all-features"];

/// Where this program is. To be asked first before anything is built: that replaces the program too,
/// after which the system knows a deleted file.
pub(crate) fn this() -> Result<&'static Path> {
    static THIS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let this = THIS.get_or_init(|| std::env::current_exe().ok());
    this.as_deref().context("this program has no path")
}

/// Builds all programs and tells in which folder they are.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    Command::cargo(root).args(["build", "--quiet", "--all-targets"]).args(WORKSPACE).run()?;
    Ok(target_directory(root)?.join("debug"))
}

/// Builds all programs as they are shipped and tells in which folder they are.
pub(crate) fn build_release(root: &Path) -> Result<PathBuf> {
    let build = ["build", "--quiet", "--release", "--bins"];
    Command::cargo(root).args(build).args(WORKSPACE).run()?;
    Ok(target_directory(root)?.join("release"))
}

/// How the programs that are shipped are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As users get them.
    Release,
    /// Sooner.
    Debug,
}

/// Builds the programs of these packages, with no more than their own features, before the user's eyes, and tells in
/// which folder they are.
pub(crate) fn build_shipped(root: &Path, packages: &[&str], profile: Profile) -> Result<PathBuf> {
    Command::cargo(root).args(to_build_shipped(packages, profile)).run()?;
    let folder = match profile {
        Profile::Release => "release",
        Profile::Debug => "debug",
    };
    Ok(target_directory(root)?.join(folder))
}

fn to_build_shipped(packages: &[&str], profile: Profile) -> Vec<String> {
    let mut words = vec!["build".to_owned(), "--locked".to_owned(), "--bins".to_owned()];
    words.extend((profile == Profile::Release).then(|| "--release".to_owned()));
    words.extend(packages.iter().map(|package| format!("--package={package}")));
    words
}

/// Builds the tests of this name, which no other command builds, and tells where they are.
pub(crate) fn build_tests(root: &Path, name: &str) -> Result<PathBuf> {
    let build = ["test", "--quiet", "--no-run", "--message-format=json", "--test", name];
    let told = Command::cargo(root).args(build).args(WORKSPACE).output()?;
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.with_context(|| format!("cargo has built no tests `{name}`"))
}

/// Where cargo builds.
pub(crate) fn target_directory(root: &Path) -> Result<PathBuf> {
    let target = metadata(root)?["target_directory"].as_str().map(PathBuf::from);
    target.context("cargo names no target directory")
}

/// The version of a package of the workspace.
pub(crate) fn version(root: &Path, package: &str) -> Result<String> {
    let metadata = metadata(root)?;
    let packages = metadata["packages"].as_array().context("cargo names no packages")?;
    let found = packages.iter().find(|found| found["name"] == package);
    let version = found.and_then(|package| package["version"].as_str());
    version.map(str::to_owned).with_context(|| format!("cargo knows no version of {package}"))
}

fn metadata(root: &Path) -> Result<Value> {
    let metadata = ["metadata", "--no-deps", "--format-version=1"];
    Ok(serde_json::from_str(&Command::cargo(root).args(metadata).output()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_what_is_shipped_is_built_for_it() {
        let words = |profile| to_build_shipped(&["a", "b"], profile).join(" ");
        assert_eq!(words(Profile::Debug), "build --locked --bins --package=a --package=b");
        assert_eq!(
            words(Profile::Release),
            "build --locked --bins --release --package=a --package=b"
        );
    }
}
