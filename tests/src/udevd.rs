//! Asking a udevd, that of this machine, of a laboratory or of a guest, by `udevadm`.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command::run;

/// How often in a row udevd may hang up on who waits for it.
const TRIES: usize = 5;

/// Waits until the kernel and udevd have nothing more to say, five minutes at most.
///
/// `udevadm` is the command where this udevd is reached, still without arguments.
pub fn settle(udevadm: impl Fn() -> Command) -> Result<()> {
    ask(udevadm, &["settle", "--timeout=300"])
}

/// Asks udevd what may be asked twice.
///
/// A message that comes between udevd's `accept` and its `SO_PASSCRED` carries no sender (systemd 252: "Invalid
/// sender uid 65534, ignoring message"): udevd hangs up, `udevadm` ends with a broken pipe, and is run again.
pub fn ask(udevadm: impl Fn() -> Command, args: &[&str]) -> Result<()> {
    let mut said = String::new();
    for _ in 0..TRIES {
        let ran = run(udevadm().args(args));
        if ran.status == Some(0) {
            return Ok(());
        }
        said = ran.stderr;
        if !said.contains("Broken pipe") {
            break;
        }
    }
    bail!("udevadm {}: {}", args.join(" "), said.trim())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A udevadm that fails so often, with these words, and the number of its runs.
    fn settled(failures: usize, words: &str) -> (Result<()>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        let script =
            r#"echo run >>"$1"; [ $(wc -l <"$1") -gt "$2" ] || { echo "$3" >&2; exit 1; }"#;
        let result = settle(|| {
            let mut command = Command::new("sh");
            command.args(["-c", script, "udevadm"]).arg(&runs).arg(failures.to_string()).arg(words);
            command
        });
        (result, fs::read_to_string(runs).unwrap().lines().count())
    }

    #[test]
    fn who_is_hung_up_on_asks_again_but_not_for_ever() {
        let words = "Failed to wait for daemon to reply: Broken pipe";
        assert!(matches!(settled(0, words), (Ok(()), 1)));
        assert!(matches!(settled(2, words), (Ok(()), 3)));
        let (result, runs) = settled(99, words);
        assert_eq!(runs, TRIES);
        assert!(result.unwrap_err().to_string().ends_with(words));
    }

    #[test]
    fn a_queue_that_does_not_end_is_told_at_once() {
        let (result, runs) = settled(1, "Timed out");
        assert_eq!(runs, 1);
        assert_eq!(result.unwrap_err().to_string(), "udevadm settle --timeout=300: Timed out");
    }
}
