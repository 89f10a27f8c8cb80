//! What a process costs: processor time and memory, from `/proc`.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Of a process and of those that it has waited for.
///
/// # Errors
///
/// When it is no more.
pub fn seconds_used(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = ticks(&stat).context("a line of `stat` is too short")?;
    let of_a_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.unwrap_or(100);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    Ok(ticks as f64 / of_a_second as f64)
}

/// Anonymous memory in mebibytes.
///
/// # Errors
///
/// When it is no more.
pub fn anonymous(process: u32) -> Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:"));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next());
    let kibibytes: f64 = kibibytes.context("no word of anonymous memory")?.parse()?;
    Ok(kibibytes / 1024.0)
}

/// Waits until it has used no processor time for a while.
///
/// # Errors
///
/// When it is no more, or is still at work after `patience`.
pub fn until_quiet(process: u32, patience: Duration) -> Result<()> {
    const QUIET: Duration = Duration::from_millis(400);
    let deadline = Instant::now() + patience;
    let (mut used, mut since) = (seconds_used(process)?, Instant::now());
    while since.elapsed() < QUIET {
        anyhow::ensure!(Instant::now() < deadline, "still at work after {patience:?}");
        // Nothing tells of another process's rest.
        std::thread::sleep(Duration::from_millis(50));
        let now = seconds_used(process)?;
        if now > used {
            (used, since) = (now, Instant::now());
        }
    }
    Ok(())
}

/// Fields 14 to 17: in user mode, in the kernel, and both of children.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<_> = fields.split(' ').collect();
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 90 800 0 0 1 2 30 40 20 0 1 0 5";
        assert_eq!(ticks(stat), Some(73));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_is_measured() {
        let own = std::process::id();
        assert!(anonymous(own).unwrap() > 0.1);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(60) {}
        assert!(seconds_used(own).unwrap() > 0.0);
    }
}
