//! `cargo xtask stress` and `cargo xtask bench`: builds our daemon as it is shipped and the program of the
//! laboratory (`tests/src/bin/`), and gives way to that program.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use crate::command::Command;
use crate::programs;

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What the program is called with; `--help` tells.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

/// Becomes the program of this name.
pub(crate) fn run(root: &Path, program: &str, arguments: &Arguments) -> Result<()> {
    let programs = programs::build_release(root)?;
    let command = Command::new(programs.join(program)).args(&arguments.words);
    Err(command.env(programs::VARIABLE, &programs.to_string_lossy()).exec())
}
