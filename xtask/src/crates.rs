//! `cargo xtask crates`: the table of `docs/crates.md`, which tells what each crate costs who takes it
//! alone, and the lock files of the projects that do.
//!
//! What cargo tells without a build is looked at each time; processor time is measured when it is asked for,
//! and else stays as it is on the page.

mod locks;
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::Command;
use crate::tidy::workspace::{Package, Workspace};
use page::{PAGE, Row};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail when the page or a lock file is not as it would be written
    #[arg(long, conflicts_with = "measure")]
    check: bool,
    /// Build these crates from nothing and measure that, all of them if none is named; it takes minutes
    #[arg(long, value_name = "CRATE", num_args = 0..)]
    measure: Option<Vec<String>>,
}

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let path = root.join(PAGE);
    let old = fs::read_to_string(&path).with_context(|| PAGE.to_owned())?;
    let measured = page::measured(&old);
    let mut rows = Vec::new();
    for package in Workspace::read(root)?.packages.iter().filter(|package| is_library(package)) {
        let mut row = row(root, package)?;
        row.seconds = match &arguments.measure {
            Some(names) if names.is_empty() || names.contains(&package.name) => {
                Some(measure(root, &package.name)?)
            }
            _ => measured.get(&package.name).copied(),
        };
        rows.push(row);
    }
    let new = page::with_table(&old, &rows)?;
    let mut stale = locks::bring_up_to_date(root, arguments.check)?;
    if new != old {
        stale.push(PAGE.to_owned());
        if !arguments.check {
            fs::write(&path, new).with_context(|| PAGE.to_owned())?;
        }
    }
    match arguments.check && !stale.is_empty() {
        true => {
            bail!("stale: {}; run `cargo xtask crates` and commit the result", stale.join(", "))
        }
        false => stale.iter().for_each(|path| println!("written: {path}")),
    }
    Ok(())
}

/// The names of the crates that others can build on.
///
/// # Errors
///
/// When cargo does not tell.
pub(crate) fn libraries(root: &Path) -> Result<Vec<String>> {
    let packages = Workspace::read(root)?.packages.into_iter();
    Ok(packages.filter(is_library).map(|package| package.name).collect())
}

/// Builds each library by itself: beside others it may live off what those ask of a dependency.
///
/// # Errors
///
/// When one does not build.
pub(crate) fn check_alone(root: &Path) -> Result<()> {
    for package in libraries(root)? {
        Command::cargo(root).args(["check", "--quiet", "--lib", "--package", &package]).run()?;
    }
    Ok(())
}

/// The oldest Rust that the workspace promises to build with.
///
/// # Errors
///
/// When its manifest does not tell.
pub(crate) fn promised_rust(root: &Path) -> Result<String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    line.map(|rust| rust.trim_matches('"').to_owned()).context("no rust-version in Cargo.toml")
}

/// The commands have no library to be taken.
fn is_library(package: &Package) -> bool {
    package.published && package.name != "nodedev-cli"
}

fn row(root: &Path, package: &Package) -> Result<Row> {
    let name = &package.name;
    let all = tree(root, name, &[])?;
    Ok(Row {
        name: name.clone(),
        direct: tree(root, name, &["--depth=1"])?.len(),
        total: all.len(),
        lean: tree(root, name, &["--no-default-features"])?.len(),
        rust: newest_rust(root, package, &all)?,
        seconds: None,
    })
}

/// The packages that one is built with, itself left out: name and version.
fn tree(root: &Path, name: &str, more: &[&str]) -> Result<BTreeSet<(String, String)>> {
    let tree = ["tree", "--offline", "--edges=normal,build", "--prefix=none", "--package", name];
    let text = Command::cargo(root).args(tree).args(more).output()?;
    let packages = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    });
    Ok(packages.filter(|(package, _)| package != name).collect())
}

/// The newest Rust that the crate or something that it is built with asks for.
fn newest_rust(
    root: &Path,
    package: &Package,
    with: &BTreeSet<(String, String)>,
) -> Result<String> {
    let metadata = ["metadata", "--offline", "--format-version=1"];
    let metadata: serde_json::Value =
        serde_json::from_str(&Command::cargo(root).args(metadata).output()?)?;
    let packages = metadata["packages"].as_array().context("cargo's metadata has packages")?;
    let names: BTreeMap<_, _> = packages
        .iter()
        .filter_map(|package| {
            let version = format!("v{}", package["version"].as_str()?);
            let rust = package["rust_version"].as_str()?.to_owned();
            Some(((package["name"].as_str()?.to_owned(), version), rust))
        })
        .collect();
    let own = names.iter().find(|((name, _), _)| *name == package.name).map(|(_, rust)| rust);
    let asked = with.iter().filter_map(|package| names.get(package)).chain(own);
    let newest = asked.max_by_key(|rust| numbers(rust)).context("no package tells its Rust")?;
    let own = own.with_context(|| format!("{} does not tell its Rust", package.name))?;
    ensure!(numbers(newest) <= numbers(own), "{} needs Rust {newest}, not {own}", package.name);
    let [major, minor, _] = numbers(newest);
    Ok(format!("{major}.{minor}"))
}

fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [0; 3].map(|none| parts.next().unwrap_or(none))
}

/// Seconds of processor time, of all processors together, that building it from nothing takes.
fn measure(root: &Path, name: &str) -> Result<u32> {
    let target = tempfile::tempdir_in(root.join("target"))?;
    let before = used()?;
    Command::cargo(root)
        .args(["build", "--quiet", "--offline", "--package", name, "--lib"])
        .env("CARGO_TARGET_DIR", &target.path().to_string_lossy())
        .run()?;
    Ok(used()? - before)
}

/// Seconds that ended children of this process and theirs have used.
fn used() -> Result<u32> {
    /// Of `/proc/self/stat`, which counts a hundred in a second on every Linux.
    const TICKS: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").context("a command name in brackets")?;
    let fields: Vec<_> = fields.split(' ').collect();
    // The 16th and the 17th of all: cutime and cstime.
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = ticks(13).zip(ticks(14)).context("times of children")?;
    Ok(u32::try_from((user + system) / TICKS)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_and_locks_are_not_stale() {
        run(&crate::workspace_root(), &Arguments { check: true, measure: None }).unwrap();
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("1.100") > numbers("1.89.0"));
        assert_eq!(numbers("1.89.0"), numbers("1.89"));
    }
}
