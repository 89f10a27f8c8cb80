//! What a process costs: processor time and memory, from `/proc`.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// Processor time of a process, to the nanosecond, and of those that it has waited for, in ticks.
///
/// # Errors
///
/// When it is no more.
pub fn seconds_used(process: u32) -> Result<f64> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(process)?))?;
    let own = Duration::from(clock_gettime(clock)?);
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = ticks_of_children(&stat).context("a line of `stat` is too short")?;
    let of_a_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    Ok(own.as_secs_f64() + ticks as f64 / of_a_second as f64)
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
    // A timer now and then is no work.
    const WORK: f64 = 0.001;
    let deadline = Instant::now() + patience;
    let (mut used, mut since) = (seconds_used(process)?, Instant::now());
    while since.elapsed() < QUIET {
        anyhow::ensure!(Instant::now() < deadline, "still at work after {patience:?}");
        // Nothing tells of another process's rest.
        std::thread::sleep(Duration::from_millis(50));
        let now = seconds_used(process)?;
        if now > used + WORK {
            (used, since) = (now, Instant::now());
        }
    }
    Ok(())
}

/// Fields 16 and 17: in user mode and in the kernel.
fn ticks_of_children(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<_> = fields.split(' ').collect();
    fields.get(13..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 90 800 0 0 1 2 30 40 20 0 1 0 5";
        assert_eq!(ticks_of_children(stat), Some(70));
        assert_eq!(ticks_of_children("7 (a) S 1"), None);
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
