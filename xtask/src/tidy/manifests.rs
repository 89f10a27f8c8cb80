//! What every package has: a description, a README, a licence, the workspace's lints.

use super::tree::TextFile;
use super::workspace::{Package, Workspace};
use super::{Problem, find};
use crate::no_std;

/// Lints that the workspace must not drop.
const LINTS: &[&str] = &["missing_docs", "unsafe_code", "unwrap_used", "disallowed_methods"];

/// All packages and their manifests.
pub(crate) fn check(workspace: &Workspace, files: &[TextFile]) -> Vec<Problem> {
    let mut problems = lints(files);
    for package in &workspace.packages {
        let missing = |what: &str| Problem::new(&package.name, format!("has no {what}"));
        if !has_line(
            files,
            &format!("{}/Cargo.toml", package.folder),
            &["[lints]", "workspace = true"],
        ) {
            problems.push(missing("`[lints] workspace = true`"));
        }
        if no_std::CRATES.contains(&package.name.as_str())
            && !has_line(files, &format!("{}/src/lib.rs", package.folder), &["#![no_std]"])
        {
            problems.push(missing("`#![no_std]`"));
        }
        if package.published {
            problems.extend(published(package, files, &missing));
        }
    }
    problems
}

fn published(
    package: &Package,
    files: &[TextFile],
    missing: &dyn Fn(&str) -> Problem,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if package.description.as_deref().unwrap_or_default().is_empty() {
        problems.push(missing("description"));
    }
    if package.license.is_none() {
        problems.push(missing("licence"));
    }
    if package.readme.is_none() || find(files, &format!("{}/README.md", package.folder)).is_none() {
        problems.push(missing("README.md"));
    }
    problems
}

fn lints(files: &[TextFile]) -> Vec<Problem> {
    let manifest = find(files, "Cargo.toml").map_or("", |file| &file.text);
    LINTS
        .iter()
        .filter(|lint| !manifest.lines().any(|line| line.starts_with(&format!("{lint} = "))))
        .map(|lint| Problem::new("Cargo.toml", format!("the workspace's lints lack `{lint}`")))
        .collect()
}

/// Whether these lines stand in the file, one right after the other.
fn has_line(files: &[TextFile], path: &str, lines: &[&str]) -> bool {
    find(files, path).is_some_and(|file| {
        let text: Vec<_> = file.text.lines().map(str::trim).collect();
        text.windows(lines.len()).any(|window| window == lines)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::workspace::tests::{package, workspace};
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn good_files() -> Vec<TextFile> {
        vec![
            file(
                "Cargo.toml",
                "missing_docs = \"warn\"\nunsafe_code = \"deny\"\nunwrap_used = \"warn\"\ndisallowed_methods = \"warn\"\n",
            ),
            file("crates/nodedev-types/Cargo.toml", "[lints]\nworkspace = true\n"),
            file("crates/nodedev-types/README.md", "# nodedev-types\n"),
            file("crates/nodedev-types/src/lib.rs", "#![no_std]\n"),
        ]
    }

    fn problems(package: Value, files: &[TextFile]) -> Vec<String> {
        check(&workspace(&[package], &[]), files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_complete_package_is_no_problem() {
        assert_eq!(problems(package("nodedev-types", &[]), &good_files()), [""; 0]);
    }

    #[test]
    fn everything_that_lacks_is_named() {
        let mut bare = package("nodedev-types", &[]);
        bare["description"] = Value::Null;
        bare["license"] = Value::Null;
        let files = [file("Cargo.toml", "missing_docs = \"warn\"\n")];
        let found = problems(bare, &files);
        for expected in [
            "Cargo.toml: the workspace's lints lack `unsafe_code`",
            "nodedev-types: has no `[lints] workspace = true`",
            "nodedev-types: has no `#![no_std]`",
            "nodedev-types: has no description",
            "nodedev-types: has no licence",
            "nodedev-types: has no README.md",
        ] {
            assert!(found.iter().any(|problem| problem == expected), "{expected}: {found:?}");
        }
    }

    #[test]
    fn an_unpublished_package_needs_no_readme() {
        let mut tests = package("nodedev-types", &[]);
        tests["publish"] = Value::Array(vec![]);
        let files: Vec<_> = good_files().into_iter().filter(|file| !file.is_page()).collect();
        assert_eq!(problems(tests, &files), [""; 0]);
    }
}
