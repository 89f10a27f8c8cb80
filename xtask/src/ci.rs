//! `cargo xtask ci`: what `.ci/run` runs, and with `--full` the slow checks that it leaves out.

use std::path::Path;

use anyhow::Result;

use crate::command::Command;
use crate::step::{self, Context, Step};
use crate::{book, crates, package, test, toolchain};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also every combination of features, mutants of the merge, API compatibility, the oldest Rust, what is in
    /// the packages, the book and test coverage. Takes long, and builds the tools that are missing.
    #[arg(long)]
    full: bool,
}

const SLOW: &[Step] = &[
    Step {
        name: "features",
        about: "every two features together build without warnings",
        work: features,
    },
    Step {
        name: "semver",
        about: "the libraries keep what the last release promised",
        work: semver,
    },
    Step {
        name: "alone",
        about: "each library builds by itself, with the features that it asks for",
        work: |context| crates::check_alone(context.root),
    },
    Step { name: "msrv", about: "the oldest Rust that is promised builds it all", work: msrv },
    Step {
        name: "verify",
        about: "each package builds of what is in it",
        work: |context| package::run(context.root, package::Depth::Build),
    },
    Step {
        name: "book",
        about: "the documentation is a book, and every link in it leads somewhere",
        work: |context| book::check(context.root, context.install).map(drop),
    },
    Step { name: "coverage", about: "how much of the code the tests reach", work: coverage },
    Step { name: "mutants", about: "each mutant of the merge fails some test", work: mutants },
];

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let steps = if arguments.full { [test::STEPS, SLOW].concat() } else { test::STEPS.to_vec() };
    let context = Context { root, install: true, keep_going: false };
    step::run_all(&steps, &context)
}

fn features(context: &Context<'_>) -> Result<()> {
    toolchain::require_tool(context.root, "cargo-hack", context.install)?;
    let hack = [
        "hack",
        "clippy",
        "--workspace",
        "--feature-powerset",
        "--depth=2",
        "--",
        "--deny=warnings",
    ];
    Command::cargo(context.root).args(hack).run()
}

/// Compares with the newest tag `vX.Y.Z`; before the first release nothing is promised.
fn semver(context: &Context<'_>) -> Result<()> {
    let tags = ["tag", "--list", "v*", "--sort=-version:refname"];
    let git = Command::new("git").args(["-C"]).args([context.root]).args(tags);
    let Some(release) = git.output()?.lines().next().map(str::to_owned) else {
        println!("no release yet (no tag v*), nothing to compare with");
        return Ok(());
    };
    toolchain::require_tool(context.root, "cargo-semver-checks", context.install)?;
    for package in crates::libraries(context.root)? {
        let check = ["semver-checks", "--package", &package, "--baseline-rev", &release];
        Command::cargo(context.root).args(check).run()?;
    }
    Ok(())
}

/// The `rust-version` of the workspace, apart from what is built otherwise. Needs rustup.
fn msrv(context: &Context<'_>) -> Result<()> {
    let oldest = crates::promised_rust(context.root)?;
    let install = ["toolchain", "install", &oldest, "--profile=minimal", "--no-self-update"];
    Command::new("rustup").args(install).run()?;
    let check = ["run", &oldest, "cargo", "check", "--workspace", "--all-features"];
    let target = context.root.join("target/msrv");
    let check = Command::new("rustup").args(check).folder(context.root);
    check.env("CARGO_TARGET_DIR", &target.to_string_lossy()).run()
}

fn coverage(context: &Context<'_>) -> Result<()> {
    toolchain::require_tool(context.root, "cargo-llvm-cov", context.install)?;
    // Without rustup the system's own LLVM tools are taken.
    if Command::new("rustup").args(["--version"]).succeeds() {
        let llvm_tools = ["component", "add", "llvm-tools"];
        Command::new("rustup").args(llvm_tools).run()?;
    }
    let coverage = ["llvm-cov", "--workspace", "--all-features", "--summary-only"];
    Command::cargo(context.root).args(coverage).run()
}

fn mutants(context: &Context<'_>) -> Result<()> {
    toolchain::require_tool(context.root, "cargo-mutants", context.install)?;
    let mutants =
        ["mutants", "--package=nodedev-merge", "--no-shuffle", "--jobs=2", "--output=target"];
    Command::cargo(context.root).args(mutants).run()
}
