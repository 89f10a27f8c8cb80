//! `cargo xtask e2e`: the tests that need a kernel of their own, in the virtual machine.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command::Command;
use crate::{debian, programs};

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
    let mut programs = OsString::from(format!("{}=", programs::VARIABLE));
    programs.push(programs::build(root)?);
    let tests = programs::build_tests(root, "e2e")?;
    let xtask = std::env::current_exe().context("this program has no path")?;
    Ok(Command::new(xtask)
        .args(MACHINE)
        .args([OsString::from("env"), "NODEDEV_GUEST=1".into(), programs, tests.into()])
        // They share one kernel.
        .args(["--test-threads=1"])
        .args(words))
}
