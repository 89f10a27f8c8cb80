//! `cargo xtask vm`: runs one command in a virtual machine that has this host's files, another
//! kernel, and devices of its own.
//!
//! The files are seen through a layer that takes what is written and goes with the machine. The
//! kernel is Debian's, with drivers besides; `udevd` is the host's.

mod accelerator;
mod bzimage;
mod channels;
mod console;
mod cpio;
mod drivers;
mod early_drivers;
mod guest;
mod image;
mod kernel;
mod machine;
mod monitor;
mod qemu;
mod shell;
mod zoo;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::debian;
use channels::Output;
use guest::Order;
use image::Image;
use machine::{End, Plan, Report};
use qemu::{Accelerator, Hardware};

const EXAMPLES: &str = "\
Examples:
  cargo xtask vm -- uname -r
  cargo xtask vm --zoo -- target/debug/nodedev list --tree
  cargo xtask vm --zoo -- sh -c 'hmp device_add usb-mouse,id=m1; udevadm settle; lsusb'
  cargo xtask vm -- sh -c 'modprobe mtty; mdevctl types'
  cargo xtask vm --system ROOT -- systemctl list-units
  cargo xtask vm --share target/results -- sh -c 'udevadm info --export-db > target/results/db'

Exit status: that of the command; 124 when it took too long, 125 when the machine failed,
126 and 127 when the command cannot be run or does not exist.";

const TIMED_OUT: u8 = 124;
const FAILED: u8 = 125;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Have one device of each kind, instead of hardly any.
    #[arg(long)]
    zoo: bool,
    /// Use KVM, without a trial.
    #[arg(long, conflicts_with = "tcg")]
    kvm: bool,
    /// Let QEMU translate the guest's code, even where KVM works.
    #[arg(long)]
    tcg: bool,
    /// A folder that the guest may write to, at the same path; may be given more than once. Whatever
    /// else is written goes with the machine.
    #[arg(long, value_name = "FOLDER")]
    share: Vec<PathBuf>,
    /// Boot the system whose root this folder is, with its own systemd, and run the command in `/` when it is
    /// up. Of the host's files nothing else is seen.
    #[arg(long, value_name = "FOLDER")]
    system: Option<PathBuf>,
    /// More words for the kernel; may be given more than once.
    #[arg(long, value_name = "TEXT")]
    append: Vec<String>,
    /// One more argument for QEMU; may be given more than once.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    qemu: Vec<String>,
    /// The guest's memory, of which half takes what is written.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u32,
    /// End the machine after so long, its boot included.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Say nothing of the boot.
    #[arg(long)]
    quiet: bool,
    /// Do not install missing system packages; say which are missing.
    #[arg(long)]
    no_install: bool,
    /// Prepare kernel and drivers, and boot nothing.
    #[arg(long)]
    build_only: bool,
    /// The command, run as root in the current folder, without standard input.
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "build_only")]
    command: Vec<String>,
}

/// Ends with the command's own status.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> ExitCode {
    let status = attempt(root, arguments).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        FAILED
    });
    ExitCode::from(status)
}

fn attempt(root: &Path, arguments: &Arguments) -> Result<u8> {
    if !debian::all_installed(debian::TO_BOOT) {
        debian::require(debian::TO_BOOT, !arguments.no_install)?;
    }
    let cache = image::cache(root);
    let image = Image::provide(&cache)?;
    if arguments.build_only {
        return Ok(0);
    }
    let order = order(arguments)?;
    let accelerator = match (arguments.kvm, arguments.tcg) {
        (true, _) => Accelerator::Kvm,
        (_, true) => Accelerator::Tcg,
        _ => accelerator::find(&image, &cache)?,
    };
    let hardware = Hardware {
        memory: arguments.memory,
        zoo: arguments.zoo,
        append: arguments.append.clone(),
        qemu: arguments.qemu.clone(),
    };
    let plan = Plan {
        image: &image,
        hardware: &hardware,
        order: &order,
        accelerator,
        output: Output::Passed,
        limit: Duration::from_secs(arguments.timeout),
    };
    let report = machine::run(&plan, &mut |took| {
        if !arguments.quiet {
            eprintln!("vm: up after {:.1} s ({accelerator})", took.as_secs_f64());
        }
    })?;
    Ok(conclude(&report, arguments.timeout))
}

fn order(arguments: &Arguments) -> Result<Order> {
    let mut shares = Vec::new();
    for share in &arguments.share {
        let folder = share.canonicalize().with_context(|| share.display().to_string())?;
        if !folder.is_dir() {
            bail!("{}: not a folder, and only folders can be shared", share.display());
        }
        shares.push(folder);
    }
    let command = arguments.command.clone();
    if let Some(system) = &arguments.system {
        let system = system.canonicalize().with_context(|| system.display().to_string())?;
        return Ok(Order { command, folder: PathBuf::from("/"), shares, system: Some(system) });
    }
    let folder = std::env::current_dir().context("the current folder")?;
    Ok(Order { command, folder, shares, system: None })
}

fn conclude(report: &Report, seconds: u64) -> u8 {
    match &report.end {
        End::Status(status) => *status,
        End::TimedOut => {
            eprint!("{}", report.console);
            eprintln!("vm: not done after {seconds} s, ended");
            TIMED_OUT
        }
        End::Died(why) => {
            eprint!("{}", report.console);
            eprintln!("vm: {why}");
            FAILED
        }
    }
}
