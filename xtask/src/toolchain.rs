//! The tools of the Rust toolchain and cargo's sub-commands: whether they are there, and getting them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::command::Command;
use crate::programs;

/// Whether cargo has that sub-command.
pub(crate) fn has(root: &Path, subcommand: &str) -> bool {
    Command::cargo(root).args([subcommand, "--version"]).succeeds()
}

/// Sees to it that rustfmt and clippy are there.
///
/// # Errors
///
/// When one is missing and rustup is not there, must not be used, or fails.
pub(crate) fn require_components(root: &Path, install: bool) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if has(root, subcommand) {
            continue;
        }
        eprintln!("toolchain: {component} is missing");
        if !install {
            bail!("{component} is missing; install it: rustup component add {component}");
        }
        Command::new("rustup")
            .args(["component", "add", component])
            .run()
            .with_context(|| format!("{component} is missing and could not be added"))?;
    }
    Ok(())
}

/// Sees to it that cargo has the sub-command that this crate brings.
///
/// # Errors
///
/// When it is missing and must not be installed, or the installation fails.
pub(crate) fn require_tool(root: &Path, package: &str, install: bool) -> Result<()> {
    let subcommand = package.strip_prefix("cargo-").unwrap_or(package);
    if has(root, subcommand) {
        return Ok(());
    }
    if !install {
        bail!("{package} is missing; install it: cargo install --locked {package}");
    }
    eprintln!("tool: {package} is missing, building it (a minute or more)");
    // What is saved by not optimising it is more than what it takes longer.
    let install = ["install", "--quiet", "--locked", "--debug", package];
    Command::cargo(root).args(install).env("CARGO_PROFILE_DEV_DEBUG", "0").run()
}

/// A program of this version of the crate of the same name, with its default features or only these, built once and
/// kept below `target/tools`.
///
/// # Errors
///
/// When it is missing and must not be installed, or cannot be built.
pub(crate) fn pinned(
    root: &Path,
    (package, version): (&str, &str),
    features: Option<&str>,
    install: bool,
) -> Result<PathBuf> {
    let folder =
        programs::target_directory(root)?.join("tools").join(format!("{package}-{version}"));
    let program = folder.join("bin").join(package);
    if program.exists() {
        return Ok(program);
    }
    if !install {
        bail!("{package} {version} is missing in {}", folder.display());
    }
    eprintln!("tool: {package} {version} is missing, building it (a minute or more)");
    let words = ["install", "--quiet", "--locked", "--debug", "--version", version, "--root"];
    let install = Command::cargo(root).args(words).args([&folder]).args([package]);
    let install = match features {
        Some(features) => install.args(["--no-default-features", "--features", features]),
        None => install,
    };
    install.env("CARGO_PROFILE_DEV_DEBUG", "0").run()?;
    Ok(program)
}
