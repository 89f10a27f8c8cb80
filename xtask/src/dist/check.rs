//! Tries the packages in a fresh Debian 12: what that is, stands in `check.sh`.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{Made, fresh};
use crate::command::Command;

/// Run with mounts of its own; its head says what it takes.
const SCRIPT: &str = include_str!("check.sh");
const LIMIT: Duration = Duration::from_secs(900);

pub(super) fn run(made: &Made) -> Result<()> {
    let root = fresh::provide(&made.folder)?;
    let began = Instant::now();
    let unshare = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
    let script = made.folder.join("check.sh");
    fs::write(&script, SCRIPT).with_context(|| script.display().to_string())?;
    let check = Command::within(LIMIT, "unshare").args(unshare);
    let check = check.args(["sh"]).args([&script, &root, &made.folder]);
    check.args(&made.files).run_quietly().context("the packages, in a fresh Debian 12")?;
    eprintln!("dist: installed, upgraded and purged in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_sound() {
        Command::new("sh").args(["-n", "-c", SCRIPT]).run_quietly().unwrap();
    }
}
