//! `cargo xtask parity`: builds our daemon and the program that compares it with libvirt's own, and
//! gives way to that program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::Command;
use crate::{debian, programs};

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What the program is called with; `--help` tells.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

/// The program that compares.
const PROGRAM: &str = "parity";
/// Makes devices in the virtual machine.
const DEVICES: &str = "tests/src/parity/devices.sh";

/// Both daemons and their client, with a debug build of ours: more room and time than usual.
const MACHINE: &[&str] = &["vm", "--zoo", "--memory=2048", "--timeout=1200", "--"];

/// Compares, and becomes the program that does.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let words = &arguments.words;
    let wants = |names: &[&str]| words.iter().any(|word| names.iter().any(|name| word == name));
    if wants(&["--help", "-h"]) {
        return Err(Command::new(programs::build(root)?.join(PROGRAM)).args(words).exec());
    }
    let programs = programs::build(root)?;
    if !wants(&["--vm"]) {
        return Err(program(&programs).args(words).exec());
    }
    let others: Vec<_> = words.iter().filter(|word| *word != "--vm").cloned().collect();
    // There is no network in there, so the Debian root has to be there before.
    let ready = [OsString::from("--make-root")];
    program(&programs).args(ready.iter().chain(&others)).output()?;
    let command = in_machine(root, &programs, &others);
    Err(Command::new(programs::this()?).args(MACHINE).args(command).exec())
}

/// A step of `cargo xtask test`: documents that clients send, then the hosts of the project, beside the
/// libvirt of Debian 13.
pub(crate) fn check(root: &Path) -> Result<()> {
    if !debian::is_root() {
        println!("skipped: this needs root");
        return Ok(());
    }
    let programs = programs::build(root)?;
    program(&programs).args(["--documents"]).run()?;
    program(&programs).run()
}

fn program(programs: &Path) -> Command {
    let folder = programs.to_string_lossy();
    Command::new(programs.join(PROGRAM)).env(programs::VARIABLE, &folder)
}

/// The Debian 13 root, made if it is not there.
///
/// # Errors
///
/// When it cannot be made.
pub(crate) fn make_root(root: &Path) -> Result<PathBuf> {
    let told = program(&programs::build(root)?).args(["--make-root"]).output()?;
    Ok(PathBuf::from(told.trim_end()))
}

/// What is run in the virtual machine, which sees this file system.
fn in_machine(root: &Path, programs: &Path, words: &[OsString]) -> Vec<OsString> {
    let place = std::env::var_os("NODEDEV_DEBIAN_ROOT").map(PathBuf::from);
    let place = place.and_then(|place| std::path::absolute(place).ok());
    let variable = |name: &str, value: &Path| {
        let mut variable = OsString::from(format!("{name}="));
        variable.push(value);
        variable
    };
    let mut command = vec![OsString::from("sh"), root.join(DEVICES).into(), "env".into()];
    command.push(variable(programs::VARIABLE, programs));
    command.extend(place.map(|place| variable("NODEDEV_DEBIAN_ROOT", &place)));
    command.extend([programs.join(PROGRAM).into(), "--this-host".into()]);
    command.extend_from_slice(words);
    command
}
