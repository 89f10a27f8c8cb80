//! SIGKILL at any moment, while events and actions go on.

use anyhow::{Result, bail};

use super::{Report, Say};

/// What is run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// What the run follows from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
}

/// Runs it.
///
/// # Errors
///
/// When it could not be run.
pub fn run(options: &Options, _say: Say<'_>) -> Result<Report> {
    bail!("not yet: {options:?}")
}
