//! The system's limit for receive buffers, small for as long as a daemon starts. It is one for the whole
//! machine, so a shell of its own puts it back, whatever becomes of the process that asked for it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The limit is small until this is dropped.
#[derive(Debug)]
pub(super) struct SmallBuffers(Child);

/// Run as `sh -c SCRIPT small BYTES`. One at a time, by a lock on the setting. The end of the input is the
/// end of whoever asked.
const HOLD: &str = r#"
trap '' INT TERM HUP
limit=/proc/sys/net/core/rmem_max
exec 9<$limit
flock --timeout 60 9 || exit 1
old=$(cat $limit)
echo "$1" >$limit && echo ready
cat >/dev/null
echo "$old" >$limit
"#;

impl SmallBuffers {
    /// Makes `net.core.rmem_max` so many bytes.
    ///
    /// # Errors
    ///
    /// When the system refuses it.
    pub(super) fn of(bytes: usize) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", HOLD, "small", &bytes.to_string()]);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut held = Self(spawned.context("cannot start `sh`")?);
        let mut line = String::new();
        let output = held.0.stdout.take().context("it has an output")?;
        BufReader::new(output).read_line(&mut line)?;
        if line != "ready\n" {
            bail!("net.core.rmem_max cannot be changed");
        }
        Ok(held)
    }
}

impl Drop for SmallBuffers {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::require::{programs, require, root};

    #[test]
    fn the_limit_is_put_back() {
        require!(root());
        require!(programs(&["flock"]));
        let limit = || fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
        let before = limit();
        // As it is, or nobody else's buffers were what they should be meanwhile.
        let bytes = before.trim().parse::<usize>().unwrap() - 1;
        let held = SmallBuffers::of(bytes).unwrap();
        assert_eq!(limit().trim(), bytes.to_string());
        drop(held);
        assert_eq!(limit(), before);
    }
}
