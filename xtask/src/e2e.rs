//! `cargo xtask e2e`: the tests that need a kernel of their own, in virtual machines.

mod machines;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command::Command;
use crate::{debian, parity, programs};
use machines::Machine;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask e2e
  cargo xtask e2e -- life::twenty_fast    only the tests of that name
  cargo xtask e2e -- --list               the names

A test begins with the name of its machine: `plain`, `mdevctls` or `zoo`. All run at the same time.
What the zoo has recorded is then played on this host (`outside`).")]
pub(crate) struct Arguments {
    /// What the tests are called with
    #[arg(last = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

/// Runs them.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let program = programs::build_tests(root, "e2e")?;
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
    in_machines(root, &programs::build_tests(root, "e2e")?, &[])
}

fn in_machines(root: &Path, program: &Path, words: &[OsString]) -> Result<()> {
    let programs = programs::build(root)?;
    let wanted = Machine::of_tests(program, words)?;
    if !debian::all_installed(debian::TO_END_TO_END) {
        debian::require(debian::TO_END_TO_END, true)?;
    }
    // What has to be there before the machines are, which have no network.
    let debian_13 = parity::make_root(root)?;
    let xtask = programs::this()?;
    Command::new(xtask).args(["vm", "--build-only"]).run()?;
    let share = programs.join("e2e");
    if share.exists() {
        fs::remove_dir_all(&share).context("what the last machines left")?;
    }
    fs::create_dir_all(&share).context("a folder for what the machines leave")?;
    let command = command(program, &programs, &debian_13, &share, words);
    machines::run(xtask, &wanted, &share, &command)?;
    if wanted.iter().any(|machine| machine.leaves_something(&share)) {
        let variables = [variable(programs::VARIABLE, &programs), variable(SHARE, &share)];
        let tests = [program.into(), OsString::from(machines::OUTSIDE)];
        Command::new("env").args(variables).args(tests).run()?;
    }
    Ok(())
}

/// Tells the tests which folder the machines share with this host.
const SHARE: &str = "NODEDEV_E2E_SHARE";

fn variable(name: &str, value: &Path) -> OsString {
    let mut variable = OsString::from(format!("{name}="));
    variable.push(value);
    variable
}

/// What a machine runs, but for which tests.
fn command(
    program: &Path,
    programs: &Path,
    debian_13: &Path,
    share: &Path,
    words: &[OsString],
) -> Vec<OsString> {
    let mut command = vec![
        OsString::from("env"),
        "NODEDEV_GUEST=1".into(),
        variable(programs::VARIABLE, programs),
        variable("NODEDEV_DEBIAN_ROOT", debian_13),
        variable(SHARE, share),
        // Makes the test harness take the option that shows times.
        "RUSTC_BOOTSTRAP=1".into(),
        program.into(),
    ];
    // They share one kernel.
    let options = ["--test-threads=1", "-Zunstable-options", "--report-time"];
    command.extend(options.map(OsString::from));
    command.extend_from_slice(words);
    command
}
