//! The packages of the crates as a registry would get them. Publishes nothing.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::Command;
use crate::tidy::workspace::Workspace;

/// How far they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What is in them.
    List,
    /// Also whether they build of that alone.
    Build,
}

/// Has to be in each.
const NEEDED: &[&str] = &["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];
/// May be in them too, besides the folders of sources; cargo adds the first three.
const KNOWN: &[&str] = &[".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];
const FOLDERS: &[&str] =
    &["benches/", "examples/", "man/", "package/", "src/", "systemd/", "tests/"];

/// Makes the package of each published crate.
///
/// # Errors
///
/// When one cannot be made, lacks something, or holds what does not belong there.
pub(crate) fn run(root: &Path, depth: Depth) -> Result<()> {
    let packages = Workspace::read(root)?.packages;
    let names: Vec<_> = packages.iter().filter(|p| p.published).map(|p| &*p.name).collect();
    let mut problems = Vec::new();
    for name in &names {
        let list = ["package", "--list", "--allow-dirty", "--package", name];
        let files = Command::cargo(root).args(list).output()?;
        problems.extend(judge(&files).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    // Together, since they depend on each other.
    let chosen = names.iter().flat_map(|name| ["--package", name]);
    let package = Command::cargo(root).args(["package", "--allow-dirty"]).args(chosen);
    let unbuilt = (depth == Depth::List).then_some("--no-verify");
    package.args(unbuilt).run()
}

/// What is wrong with the files of a package.
fn judge(files: &str) -> Vec<String> {
    let files: Vec<_> = files.lines().collect();
    let missing = NEEDED.iter().filter(|needed| !files.contains(*needed));
    let missing = missing.map(|needed| format!("lacks {needed}"));
    let known = |file: &&str| {
        NEEDED.contains(file)
            || KNOWN.contains(file)
            || FOLDERS.iter().any(|folder| file.starts_with(folder))
    };
    let stray = files.iter().filter(|file| !known(file)).map(|file| format!("has a stray {file}"));
    missing.chain(stray).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_and_what_strays_is_named() {
        let good = "Cargo.toml\nCargo.lock\nLICENSE-MIT\nLICENSE-APACHE\nREADME.md\nsrc/lib.rs\n";
        assert_eq!(judge(good), [""; 0]);
        let bad = good.replace("LICENSE-MIT", "notes.txt");
        assert_eq!(judge(&bad), ["lacks LICENSE-MIT", "has a stray notes.txt"]);
    }
}
