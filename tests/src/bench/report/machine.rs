//! The machine that figures were measured on, as far as it matters to them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command::{nodedevd, run};

/// The machine, and whose daemons ran on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its processor.
    pub processor: String,
    /// How many of it.
    pub processors: usize,
    /// Its kernel.
    pub kernel: String,
    /// libvirt's daemon, with its version.
    pub peer: String,
    /// Ours.
    pub ours: String,
}

impl Machine {
    /// The one that this runs on; libvirt is that of the system at `root`.
    ///
    /// # Errors
    ///
    /// When the number of processors is unknown.
    pub fn of_this(root: Option<&Path>, has_peer: bool) -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let peer = if has_peer { version_of_libvirtd(root) } else { "not measured".to_owned() };
        let ours = run(Command::new(nodedevd()).arg("--version"));
        Ok(Self {
            processor: model.unwrap_or("unknown").to_owned(),
            processors: std::thread::available_parallelism()?.get(),
            kernel: kernel.split('-').next().unwrap_or_default().trim().to_owned(),
            peer,
            ours: ours.stdout.trim().to_owned(),
        })
    }
}

fn version_of_libvirtd(root: Option<&Path>) -> String {
    let mut command = match root {
        Some(root) => {
            let mut command = Command::new("chroot");
            command.arg(root).arg("libvirtd");
            command
        }
        None => Command::new("libvirtd"),
    };
    let told = run(command.arg("--version")).stdout;
    let version = told.trim().rsplit(' ').next().unwrap_or_default();
    format!("libvirt {version}")
}
