//! `nodedevd`: the daemon. Reads what it is told, serves, maps the end to a status.
//!
//! It decides nothing about devices; those are the registry's.

#![forbid(unsafe_code)]

mod activation;
mod args;
mod command;
mod config_file;
mod daemon;
mod doors;
mod log;
mod notify;
mod pid_file;
mod places;
mod settings;
mod syntax;

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use anyhow::ensure;

use crate::args::Args;
use crate::config_file::ConfigFile;
use crate::places::Owner;

fn main() -> ExitCode {
    let args = Args::of_this_process();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    if args.check_config {
        return check_config(args);
    }
    let passed = activation::take()?;
    if args.daemon && args.background.is_none() {
        ensure!(passed.is_empty(), "sockets were passed, which --daemon cannot take along");
        return command::start_in_background();
    }
    daemon::serve(args, passed)
}

fn check_config(args: &Args) -> anyhow::Result<()> {
    let file = ConfigFile::find(args, &Owner::of_this_process());
    let loaded = file.load(args)?;
    for warning in &loaded.warnings {
        say(&format!("warning: {warning}"));
    }
    say(&format!("{}: nothing is wrong", file.name()));
    Ok(())
}

/// To standard error, as the log: nobody pipes what a daemon prints.
fn say(text: &str) {
    for line in text.lines() {
        // There is nobody left to tell that nobody can be told.
        let _ = writeln!(stderr(), "nodedevd: {line}");
    }
}
