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
    from_programs(root, arguments.check).context("the pages made by the programs' tests")?;
    let command =
        ["run", "--quiet", "--package=xtask", "--features=docs", "--bin=xtask-docs", "--"];
    let flag = arguments.check.then_some("--check");
    let docs = Command::cargo(root).args(command).args(flag);
    docs.run().context("the generated pages")
}

/// Manual pages, and the table of settings, of which others are made.
fn from_programs(root: &Path, check: bool) -> Result<()> {
    let programs = ["--package=nodedev-cli", "--package=nodedev-driver", "--bins"];
    let tests = ["man::", "the_reference_on_the_page_is_the_table"];
    let test =
        Command::cargo(root).args(["test", "--quiet"]).args(programs).args(["--"]).args(tests);
    let test = if check { test } else { test.env("NODEDEV_WRITE_DOCS", "1") };
    test.run_on_stderr()
}
