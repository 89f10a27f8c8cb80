//! `cargo xtask run`: from a checkout to this host's devices on the screen.

use std::path::Path;

use anyhow::Result;

use crate::command::Command;
use crate::debian;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Do not install missing system packages; say which are missing.
    #[arg(long)]
    no_install: bool,
    /// What `nodedev` is called with, instead of `list --tree`.
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// Written by udevd when it begins to listen.
const UDEVD: &str = "/run/udev/control";

/// Gives way to `nodedev`, so that its exit status and its signals are its own.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    debian::require(debian::TO_RUN, !arguments.no_install)?;
    if !Path::new(UDEVD).exists() {
        eprintln!(
            "note: no udevd runs here (no {UDEVD}); the devices come from the kernel alone, without \
             what udevd adds: links, names and serials of USB devices and disks, events"
        );
    }
    eprintln!("building nodedev (the first time takes about a minute)");
    let command = ["run", "--package", "nodedev-cli", "--bin", "nodedev", "--"];
    let default = ["list".to_owned(), "--tree".to_owned()];
    let given = if arguments.arguments.is_empty() { &default[..] } else { &arguments.arguments };
    Err(Command::cargo_in_place(root).args(command).args(given).exec())
}
