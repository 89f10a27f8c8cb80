//! `cargo xtask fixture`: recordings of hosts made fit to be fixtures.
//!
//! Every task works on umockdev's text format. None runs the project; only `complete` looks at this
//! machine.

mod complete;
mod export_db;
mod kinds;
mod recording;
mod scrub;
mod trim;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use recording::Recording;
pub(crate) use scrub::leaks;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Print what `udevadm info --export-db` wrote in umockdev's format, without attributes.
    FromExportDb {
        /// The database.
        file: PathBuf,
    },
    /// Add what is read of each kind of device and the recording lacks, on the machine it was made.
    Complete {
        /// The recording, which is written anew.
        file: PathBuf,
        /// Where the kernel's devices are.
        #[arg(long, default_value = "/sys")]
        sysfs: PathBuf,
    },
    /// Take out what no kind of device is read from, but for a few neighbours.
    Trim {
        /// The recording, which is written anew.
        file: PathBuf,
    },
    /// Replace serials, addresses, world-wide names and UUIDs, each by the same everywhere.
    Scrub {
        /// The recording, which is written anew.
        file: PathBuf,
        /// A word that only its owner knows, such as the name of the host; may be repeated.
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        word: Vec<String>,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (Task::FromExportDb { file }
    | Task::Complete { file, .. }
    | Task::Trim { file }
    | Task::Scrub { file, .. }) = &arguments.task;
    task(&arguments.task).with_context(|| file.display().to_string())
}

fn task(task: &Task) -> Result<()> {
    match task {
        Task::FromExportDb { file } => print!("{}", export_db::convert(&read(file)?)?),
        Task::Complete { file, sysfs } => {
            rewrite(file, |recording| complete::complete(recording, sysfs))?;
        }
        Task::Trim { file } => rewrite(file, trim::trim)?,
        Task::Scrub { file, word } => write(file, &scrub::scrub(&read(file)?, word)?)?,
    }
    Ok(())
}

fn rewrite(file: &Path, change: impl FnOnce(&mut Recording)) -> Result<()> {
    let mut recording = Recording::parse(&read(file)?)?;
    change(&mut recording);
    write(file, &recording.to_string())
}

/// The file's text. Attributes may hold bytes of any kind, which umockdev writes as they are.
fn read(file: &Path) -> Result<String> {
    let bytes = fs::read(file)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(file: &Path, text: &str) -> Result<()> {
    Ok(fs::write(file, text)?)
}
