//! `cargo xtask docs`: the pages that are made from the code's own tables, by `xtask-docs`, and those that are made
//! from command lines, by tests of the programs' crates; and the pictures.
//!
//! That they are up to date is also a test of `xtask-docs`, which costs no build of its own.

pub(crate) mod pictures;

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command::Command;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail when a page is not what it would be made today.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    pictures::bring_up_to_date(root, arguments.check)?;
    let command =
        ["run", "--quiet", "--package=xtask", "--features=docs", "--bin=xtask-docs", "--"];
    let flag = arguments.check.then_some("--check");
    let docs = Command::cargo(root).args(command).args(flag);
    docs.run().context("the generated pages")?;
    let test = [
        "test",
        "--quiet",
        "--package=nodedev-cli",
        "--package=nodedev-driver",
        "--bins",
        "--",
        "man::",
    ];
    let manual = Command::cargo(root).args(test);
    let manual = if arguments.check { manual } else { manual.env("NODEDEV_WRITE_DOCS", "1") };
    manual.run_on_stderr().context("the manual pages")
}
