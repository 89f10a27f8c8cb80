//! `cargo xtask docs`: the pages that are made from the code's own tables, by `xtask-docs`.
//!
//! That they are up to date is also a test of `xtask-docs`, which costs no build of its own.

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
    let command =
        ["run", "--quiet", "--package=xtask", "--features=docs", "--bin=xtask-docs", "--"];
    let flag = arguments.check.then_some("--check");
    let docs = Command::cargo(root).args(command).args(flag);
    docs.run().context("the generated pages")
}
