//! Tries the packages in a fresh Debian 12: what that is, stands in scripts.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{Made, fresh};
use crate::command::Command;
use crate::programs;

const CHECK: &str = concat!(include_str!("layers.sh"), include_str!("check.sh"));
const BOOT: &str = concat!(include_str!("layers.sh"), include_str!("boot.sh"));
const BOOTED: &str = include_str!("booted.sh");

const LIMIT: Duration = Duration::from_secs(900);
/// For a machine that QEMU translates, on a busy host.
const BOOT_LIMIT: Duration = Duration::from_secs(2100);

/// Installs, upgrades and purges them.
pub(super) fn run(made: &Made) -> Result<()> {
    let began = Instant::now();
    in_layers(made, CHECK, LIMIT, &[])?;
    eprintln!("dist: installed, upgraded and purged in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Boots a system with them in the virtual machine.
pub(super) fn boot(made: &Made) -> Result<()> {
    let began = Instant::now();
    let tasks = programs::this()?;
    // What has to be there before, where the network is.
    Command::new(tasks).args(["vm", "--build-only"]).run()?;
    let booted = made.folder.join("booted.sh");
    fs::write(&booted, BOOTED).with_context(|| booted.display().to_string())?;
    in_layers(made, BOOT, BOOT_LIMIT, &[tasks, &booted])?;
    eprintln!("dist: booted and tried in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a script with mounts of its own.
fn in_layers(made: &Made, script: &str, limit: Duration, further: &[&Path]) -> Result<()> {
    let root = fresh::provide(&made.folder)?;
    let file = made.folder.join("script.sh");
    fs::write(&file, script).with_context(|| file.display().to_string())?;
    let unshare = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh"];
    let trial = Command::within(limit, "unshare").args(unshare);
    let trial = trial.args([&file, &root, &made.folder]).args(&made.files).args(further);
    trial.run().context("the packages, in a Debian 12")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_that_switch_are_those_of_the_page() {
        let page = include_str!("../../../docs/installing.md");
        let commands = BOOTED.split("bash -c '").skip(1).filter_map(|rest| rest.split('\'').next());
        let commands: Vec<_> = commands.collect();
        assert_eq!(commands.len(), 2);
        assert!(
            commands.iter().all(|command| page.contains(&format!("\n{command}\n"))),
            "{commands:?}"
        );
    }

    #[test]
    fn the_scripts_are_sound() {
        for script in [CHECK, BOOT, BOOTED] {
            Command::new("sh").args(["-n", "-c", script]).run_quietly().unwrap();
        }
    }
}
