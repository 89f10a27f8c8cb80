//! The project's own tasks: `cargo xtask --help`.
//!
//! Needs nothing but cargo, a C compiler and git. Never depends on the crates it checks: what prints
//! pages from their tables is a binary of its own, `xtask-docs`.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the tasks speak to the person who runs them"
)]

mod book;
mod ci;
mod command;
mod crates;
mod debian;
mod deny;
mod digest;
mod disk;
mod dist;
mod docs;
mod e2e;
mod fixture;
mod fuzz;
mod laboratory;
mod new_source;
mod no_std;
mod package;
mod parity;
mod programs;
mod run;
mod step;
mod test;
mod tidy;
mod toolchain;
mod vm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build `nodedev` and run it on this host: `list --tree`, or what follows `--`.
    Run(run::Arguments),
    /// Run every check and every test, installing what they need.
    Test(test::Arguments),
    /// Check the rules that the compiler does not know: dependencies, layout, pages.
    Tidy,
    /// Write the pages that are made from the code's own tables.
    Docs(docs::Arguments),
    /// Make the crate of a new source, which passes the conformance kit from its first day.
    NewSource(new_source::Arguments),
    /// Write `docs/crates.md`: what each crate costs alone. Bring the lock files of `tests/projects` up to date.
    Crates(crates::Arguments),
    /// Make the Debian packages; try them in a fresh Debian 12.
    Dist(dist::Arguments),
    /// Make a book of the documentation's pages, and check every link in it.
    Book(book::Arguments),
    /// Make recordings of hosts fit to be fixtures.
    Fixture(fixture::Arguments),
    /// Compare our daemon with libvirt's own on any host, byte for byte; `--help` has examples.
    Parity(parity::Arguments),
    /// Run every parser of foreign bytes under libFuzzer.
    Fuzz(fuzz::Arguments),
    /// Run the tests that need a kernel of their own, in the virtual machine.
    E2e(e2e::Arguments),
    /// Put our daemon under stress: storms, kills, faults, hours of churn; `--help` has examples.
    Stress(laboratory::Arguments),
    /// Measure our daemon beside libvirt's own; `--help` has examples.
    Bench(laboratory::Arguments),
    /// Run what continuous integration runs.
    Ci(ci::Arguments),
    /// Run a command in a virtual machine with this host's files and devices of its own.
    Vm(vm::Arguments),
}

fn main() -> ExitCode {
    let root = workspace_root();
    if let Err(error) = programs::this() {
        return finish(Err(error), ExitCode::FAILURE);
    }
    let result = match Arguments::parse().task {
        Task::Run(arguments) => run::run(&root, &arguments),
        Task::Test(arguments) => test::run(&root, &arguments),
        Task::Tidy => tidy::run(&root),
        Task::Docs(arguments) => docs::run(&root, &arguments),
        Task::NewSource(arguments) => new_source::run(&root, &arguments),
        Task::Crates(arguments) => crates::run(&root, &arguments),
        Task::Dist(arguments) => dist::run(&root, &arguments),
        Task::Book(arguments) => book::run(&root, &arguments),
        Task::Fixture(arguments) => fixture::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&root, &arguments),
        Task::E2e(arguments) => e2e::run(&root, &arguments),
        Task::Ci(arguments) => ci::run(&root, &arguments),
        Task::Vm(arguments) => return vm::run(&root, &arguments),
        // These have their own meaning for a status of 1.
        Task::Parity(arguments) => {
            return finish(parity::run(&root, &arguments), ExitCode::from(2));
        }
        Task::Stress(arguments) => {
            return finish(laboratory::run(&root, "stress", &arguments), ExitCode::from(2));
        }
        Task::Bench(arguments) => {
            return finish(laboratory::run(&root, "bench", &arguments), ExitCode::from(2));
        }
    };
    finish(result, ExitCode::FAILURE)
}

fn finish(result: anyhow::Result<()>, failure: ExitCode) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            failure
        }
    }
}

/// The folder above this package, as it was when this was built.
fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in the workspace's folder")
        .to_owned()
}
