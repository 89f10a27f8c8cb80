//! `nodedevd`: the daemon. Reads what it is told, serves, maps the end to a status.
//!
//! It decides nothing about devices; those are the registry's.

#![forbid(unsafe_code)]

mod activation;
mod args;
mod check;
mod command;
mod config_file;
mod daemon;
mod doors;
mod log;
#[cfg(test)]
mod man;
mod notify;
mod pid_file;
mod places;
mod recording;
mod settings;
mod syntax;

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use anyhow::ensure;

use crate::args::Args;
use crate::check::check_system;
use crate::config_file::ConfigFile;
use crate::places::Owner;
use crate::settings::Refused;

fn main() -> ExitCode {
    let args = Args::of_this_process();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
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
    let mut loaded = file.load(args)?;
    check_system(&mut loaded, &[]);
    let loaded = loaded.sound()?;
    say_warnings(&loaded.warnings);
    let found = match loaded.warnings.len() {
        0 => "nothing is wrong".to_owned(),
        1 => "1 warning".to_owned(),
        count => format!("{count} warnings"),
    };
    say(&format!("{}: {found}", file.name()));
    Ok(())
}

fn say_error(error: &anyhow::Error) {
    let Some(refused) = error.downcast_ref::<Refused>() else {
        return say(&format!("error: {error:#}"));
    };
    for problem in &refused.problems {
        say(&format!("error: {problem}"));
    }
    say_warnings(&refused.warnings);
}

fn say_warnings(warnings: &[String]) {
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
}

/// To standard error, as the log: nobody pipes what a daemon prints.
fn say(text: &str) {
    for line in text.lines() {
        // There is nobody left to tell that nobody can be told.
        let _ = writeln!(stderr(), "nodedevd: {line}");
    }
}
