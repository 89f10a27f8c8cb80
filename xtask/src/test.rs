//! `cargo xtask test`: every check and every test, as a list of steps.

use std::path::Path;

use anyhow::Result;

use crate::command::Command;
use crate::step::{self, Context, Step};
use crate::{
    debian, deny, disk, dist, e2e, fuzz, no_std, package, parity, programs, tidy, toolchain,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only this step; may be given more than once. `--list` names them.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Install nothing; fail when something is missing.
    #[arg(long)]
    no_install: bool,
    /// Run the other steps too when one has failed.
    #[arg(long)]
    keep_going: bool,
    /// Name the steps and run none.
    #[arg(long)]
    list: bool,
}

/// From the quick to the slow, so that a mistake shows early.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "packages", about: "what the tests need is installed", work: packages },
    Step { name: "fmt", about: "the sources are formatted", work: fmt },
    Step {
        name: "tidy",
        about: "dependencies, layout and pages keep the project's rules",
        work: |context| tidy::run(context.root),
    },
    Step {
        name: "deny",
        about: "licences, bans and origins of the dependencies",
        work: deny::rules,
    },
    Step {
        name: "advisories",
        about: "no dependency has a known vulnerability or was withdrawn",
        work: deny::advisories,
    },
    Step { name: "clippy", about: "no warnings in any target", work: clippy },
    Step {
        name: "no-std",
        about: "the pure crates do without the standard library",
        work: |context| no_std::check(context.root),
    },
    Step {
        name: "tests",
        about: "unit, integration and whole-host tests, among them that no generated page is stale",
        work: tests,
    },
    Step {
        name: "parity",
        about: "our daemon prints what libvirt 11.3 prints, on every host of the fixtures",
        work: |context| parity::check(context.root),
    },
    Step {
        name: "e2e",
        about: "mediated devices on a kernel of their own, in a virtual machine",
        work: |context| e2e::check(context.root),
    },
    Step {
        name: "fuzz",
        about: "five seconds of libFuzzer for every parser of foreign bytes",
        work: |context| fuzz::check(context.root),
    },
    Step {
        name: "dist",
        about: "the Debian packages: installed, upgraded and purged in a fresh Debian 12",
        work: |context| dist::check(context.root, context.install),
    },
    Step { name: "doctests", about: "the examples in the documentation", work: doctests },
    Step { name: "pages", about: "the commands that the pages name exist", work: pages },
    Step { name: "doc", about: "the API documentation builds without warnings", work: doc },
    Step {
        name: "package",
        about: "each published crate can be packaged, with what belongs into it",
        work: |context| package::run(context.root, package::Depth::List),
    },
];

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    if arguments.list {
        for step in STEPS {
            println!("{:10} {}", step.name, step.about);
        }
        return Ok(());
    }
    let steps = step::select(STEPS, &arguments.only)?;
    let context =
        Context { root, install: !arguments.no_install, keep_going: arguments.keep_going };
    step::run_all(&steps, &context)
}

fn packages(context: &Context<'_>) -> Result<()> {
    if let Some(warning) = disk::left(context.root).and_then(disk::warning) {
        eprintln!("{warning}");
    }
    let needed = [debian::TO_RUN, debian::TO_TEST, debian::TO_BOOT].concat();
    debian::require(&needed, context.install)?;
    toolchain::require_components(context.root, context.install)
}

fn fmt(context: &Context<'_>) -> Result<()> {
    cargo(context, &["fmt", "--all", "--check"]).run()
}

fn clippy(context: &Context<'_>) -> Result<()> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features"];
    cargo(context, &clippy).args(["--", "--deny=warnings"]).run()
}

/// As root nothing may be skipped: whatever a test needs can be had.
fn tests(context: &Context<'_>) -> Result<()> {
    let scope = ["--workspace", "--all-features"];
    let runner = if toolchain::has(context.root, "nextest") {
        cargo(context, &["nextest", "run", "--no-fail-fast", "--status-level=slow"]).args(scope)
    } else {
        cargo(context, &["test", "--no-fail-fast"]).args(scope).args([
            "--lib",
            "--bins",
            "--tests",
            "--examples",
        ])
    };
    let programs = programs::build(context.root)?;
    require_all(runner).env(programs::VARIABLE, &programs.to_string_lossy()).run()
}

fn doctests(context: &Context<'_>) -> Result<()> {
    let doctests = ["test", "--doc", "--workspace", "--all-features"];
    require_all(cargo(context, &doctests)).run()
}

fn pages(context: &Context<'_>) -> Result<()> {
    let nodedev = programs::build(context.root)?.join("nodedev");
    for subcommand in tidy::documented_subcommands(context.root)? {
        Command::new(&nodedev).args([subcommand.as_str(), "--help"]).output()?;
        println!("nodedev {subcommand}: is there");
    }
    Ok(())
}

fn doc(context: &Context<'_>) -> Result<()> {
    cargo(context, &["doc", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "--deny=warnings")
        .run()
}

fn cargo(context: &Context<'_>, args: &[&str]) -> Command {
    Command::cargo(context.root).args(args)
}

fn require_all(command: Command) -> Command {
    if debian::is_root() { command.env("NODEDEV_REQUIRE_ALL", "1") } else { command }
}
