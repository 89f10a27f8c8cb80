//! The program behind `cargo xtask stress`; the work is in the library.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to who runs it")]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use nodedev_tests::require;
use nodedev_tests::stress::{Report, chaos, churn, kills, storm};

const EXAMPLES: &str = "\
Examples:
  cargo xtask stress storm                         10,000 interfaces, libvirt 11.3 beside; two minutes
  cargo xtask stress kills --kills 1000 --seed 1   five minutes
  cargo xtask stress chaos --only flood            the cells of the matrix whose name has this in it
  cargo xtask stress churn --minutes 60            what the daemon holds after each minute

Exit status:
  0  everything held
  1  something did not hold; the seed that repeats it is told
  2  it could not be run, or the command line is wrong";

/// Puts our daemon under stress and judges its list afterwards. Needs root.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask stress", max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    stress: Stress,
}

#[derive(Debug, Subcommand)]
enum Stress {
    /// Thousands of real interfaces come and go while the daemon cannot keep up
    Storm(storm::Options),
    /// The daemon is killed again and again, while events and actions go on
    Kills(kills::Options),
    /// Every kind of fault in every source and in clients, and what it costs the others
    Chaos(chaos::Options),
    /// Devices come and go for an hour; memory, threads and descriptors are counted
    Churn(churn::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().stress) {
        Ok(Report { text, held }) => {
            print!("{text}");
            ExitCode::from(u8::from(!held))
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(stress: &Stress) -> Result<Report> {
    require::root().map_err(anyhow::Error::msg)?;
    let say = |line: &str| eprintln!("{line}");
    match stress {
        Stress::Storm(options) => storm::run(options, &say),
        Stress::Kills(options) => kills::run(options, &say),
        Stress::Chaos(options) => chaos::run(options, &say),
        Stress::Churn(options) => churn::run(options, &say),
    }
}
