//! `cargo xtask parity`: builds our daemon and the program that compares it with libvirt's own, and
//! gives way to that program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::Command;
use crate::debian;

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What the program is called with; `--help` tells.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

/// The package that the program is in, and the program.
const PROGRAM: (&str, &str) = ("nodedev-tests", "parity");
const DAEMON: (&str, &str) = ("nodedev-driver", "nodedevd");
/// Makes devices in the virtual machine.
const DEVICES: &str = "tests/src/parity/devices.sh";

/// Both daemons and their client, with a debug build of ours: more room and time than usual.
const MACHINE: &[&str] = &["vm", "--zoo", "--memory=2048", "--timeout=1200", "--"];

/// Compares, and becomes the program that does.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let words = &arguments.words;
    let wants = |names: &[&str]| words.iter().any(|word| names.iter().any(|name| word == name));
    if wants(&["--help", "-h"]) {
        return Err(Command::new(built(root, &[PROGRAM])?).args(words).exec());
    }
    let program = built(root, &[DAEMON, PROGRAM])?;
    if !wants(&["--vm"]) {
        return Err(Command::new(program).args(words).exec());
    }
    let others: Vec<_> = words.iter().filter(|word| *word != "--vm").cloned().collect();
    // There is no network in there, so the Debian root has to be there before.
    let ready = [OsString::from("--make-root")];
    Command::new(&program).args(ready.iter().chain(&others)).output()?;
    let command = in_machine(root, &program, &others);
    let xtask = std::env::current_exe().context("this program has no path")?;
    Err(Command::new(xtask).args(MACHINE).args(command).exec())
}

/// A step of `cargo xtask test`: the hosts of the project, beside the libvirt of Debian 13.
pub(crate) fn check(root: &Path) -> Result<()> {
    if !debian::is_root() {
        println!("skipped: this needs root");
        return Ok(());
    }
    Command::new(built(root, &[DAEMON, PROGRAM])?).run()
}

/// The Debian 13 root, made if it is not there.
///
/// # Errors
///
/// When it cannot be made.
pub(crate) fn make_root(root: &Path) -> Result<PathBuf> {
    let program = built(root, &[PROGRAM])?;
    let told = Command::new(program).args(["--make-root"]).output()?;
    Ok(PathBuf::from(told.trim_end()))
}

/// What is run in the virtual machine, which sees this file system.
fn in_machine(root: &Path, program: &Path, words: &[OsString]) -> Vec<OsString> {
    let place = std::env::var_os("NODEDEV_DEBIAN_ROOT").map(PathBuf::from);
    let place = place.and_then(|place| std::path::absolute(place).ok());
    let mut command = vec![OsString::from("sh"), root.join(DEVICES).into(), "env".into()];
    command.extend(place.map(|place| {
        let mut variable = OsString::from("NODEDEV_DEBIAN_ROOT=");
        variable.push(place);
        variable
    }));
    command.extend([program.into(), "--this-host".into()]);
    command.extend_from_slice(words);
    command
}

/// Builds these programs and tells where the last one is.
fn built(root: &Path, programs: &[(&str, &str)]) -> Result<PathBuf> {
    for (package, program) in programs {
        let build = ["build", "--quiet", "--package", package, "--bin", program];
        Command::cargo(root).args(build).run()?;
    }
    let metadata = ["metadata", "--no-deps", "--format-version=1"];
    let metadata: Value = serde_json::from_str(&Command::cargo(root).args(metadata).output()?)?;
    let target =
        metadata["target_directory"].as_str().context("cargo names no target directory")?;
    let program = programs.last().map_or("", |(_, program)| program);
    Ok(Path::new(target).join("debug").join(program))
}
