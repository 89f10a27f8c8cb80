//! `cargo xtask e2e`: the tests that need a kernel of their own, in the virtual machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::Command;
use crate::debian;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask e2e
  cargo xtask e2e -- life::twenty_fast    only the tests of that name")]
pub(crate) struct Arguments {
    /// What the tests are called with
    #[arg(last = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

/// Room and time for debug builds on a translated processor.
const MACHINE: &[&str] = &["vm", "--memory=2048", "--timeout=2400", "--"];

/// Runs them, and becomes the machine.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    Err(machine(root, &arguments.words)?.exec())
}

/// A step of `cargo xtask test`.
pub(crate) fn check(root: &Path) -> Result<()> {
    if !debian::is_root() {
        println!("skipped: this needs root");
        return Ok(());
    }
    machine(root, &[])?.run()
}

fn machine(root: &Path, words: &[OsString]) -> Result<Command> {
    let programs = ["--package=nodedev-cli", "--package=nodedev-driver"];
    Command::cargo(root).args(["build", "--quiet"]).args(programs).run()?;
    let tests = tests(root)?;
    let folder = tests.ancestors().nth(2).context("the tests were built into no folder")?;
    let mut programs = OsString::from("NODEDEV_PROGRAMS=");
    programs.push(folder);
    let xtask = std::env::current_exe().context("this program has no path")?;
    Ok(Command::new(xtask)
        .args(MACHINE)
        .args([OsString::from("env"), "NODEDEV_GUEST=1".into(), programs, tests.into()])
        // They share one kernel.
        .args(["--test-threads=1"])
        .args(words))
}

/// Builds the tests and tells where they are.
fn tests(root: &Path) -> Result<PathBuf> {
    let build = ["test", "--quiet", "--package=nodedev-tests", "--test=e2e", "--no-run"];
    let told = Command::cargo(root).args(build).args(["--message-format=json"]).output()?;
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_it = |message: &Value| message["target"]["name"] == "e2e";
    let executable =
        messages.filter(is_it).find_map(|m| m["executable"].as_str().map(PathBuf::from));
    executable.context("cargo has built no program of the tests `e2e`")
}
