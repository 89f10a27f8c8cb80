//! `cargo xtask e2e`: the tests that need a kernel of their own, in virtual machines.

mod machines;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::Command;
use crate::{debian, parity};
use machines::Machine;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask e2e
  cargo xtask e2e -- life::twenty_fast    only the tests of that name
  cargo xtask e2e -- --list               the names

A test begins with the name of its machine: `plain` or `zoo`. Both run at the same time.")]
pub(crate) struct Arguments {
    /// What the tests are called with
    #[arg(last = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

/// Runs them.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let program = tests(root)?;
    if arguments.words.iter().any(|word| word == "--list") {
        return Err(Command::new(program).args(&arguments.words).exec());
    }
    in_machines(root, &program, &arguments.words)
}

/// A step of `cargo xtask test`.
pub(crate) fn check(root: &Path) -> Result<()> {
    if !debian::is_root() {
        println!("skipped: this needs root");
        return Ok(());
    }
    in_machines(root, &tests(root)?, &[])
}

fn in_machines(root: &Path, program: &Path, words: &[OsString]) -> Result<()> {
    let programs = ["--package=nodedev-cli", "--package=nodedev-driver"];
    Command::cargo(root).args(["build", "--quiet"]).args(programs).run()?;
    let wanted = Machine::of_tests(program, words)?;
    if !debian::all_installed(debian::TO_END_TO_END) {
        debian::require(debian::TO_END_TO_END, true)?;
    }
    // What has to be there before the machines are, which have no network.
    let debian_13 = parity::make_root(root)?;
    let xtask = std::env::current_exe().context("this program has no path")?;
    Command::new(&xtask).args(["vm", "--build-only"]).run()?;
    let command = command(program, &debian_13, words)?;
    machines::run(&xtask, &wanted, &command)
}

/// What a machine runs, but for which tests.
fn command(program: &Path, debian_13: &Path, words: &[OsString]) -> Result<Vec<OsString>> {
    let folder = program.ancestors().nth(2).context("the tests were built into no folder")?;
    let variable = |name: &str, value: &Path| {
        let mut variable = OsString::from(name);
        variable.push(value);
        variable
    };
    let mut command = vec![
        OsString::from("env"),
        "NODEDEV_GUEST=1".into(),
        variable("NODEDEV_PROGRAMS=", folder),
        variable("NODEDEV_DEBIAN_ROOT=", debian_13),
        // Makes the test harness take the option that shows times.
        "RUSTC_BOOTSTRAP=1".into(),
        program.into(),
    ];
    // They share one kernel.
    let options = ["--test-threads=1", "-Zunstable-options", "--report-time"];
    command.extend(options.map(OsString::from));
    command.extend_from_slice(words);
    Ok(command)
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
