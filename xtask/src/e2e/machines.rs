//! The machines that the tests run in, all of them at the same time: a test hardly ever has work for two
//! processors, and the machines do not have equally much to do.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::command::Command;

/// Room and time for debug builds on a translated processor.
const OPTIONS: &[&str] = &["--memory=1280", "--timeout=2400"];

/// What the names of the tests begin with that run on the host, behind the machines.
pub(super) const OUTSIDE: &str = "outside::";

/// A kind of machine: its tests are those whose names begin with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Machine {
    name: &'static str,
    options: &'static [&'static str],
}

const MACHINES: &[Machine] = &[
    Machine { name: "plain", options: &[] },
    Machine { name: "mdevctls", options: &[] },
    Machine { name: "zoo", options: &["--zoo"] },
];

impl Machine {
    /// The machines that the tests need which these words choose.
    ///
    /// # Errors
    ///
    /// When the tests cannot be listed, or none is chosen.
    pub(super) fn of_tests(program: &Path, words: &[OsString]) -> Result<Vec<Self>> {
        let list = Command::new(program).args(["--list", "--format=terse"]).args(words).output()?;
        let wanted = chosen(&list);
        if wanted.is_empty() {
            bail!("no test has such a name");
        }
        Ok(wanted)
    }

    /// Whether it leaves something in the shared folder for the tests on the host.
    pub(super) fn leaves_something(self, share: &Path) -> bool {
        self.name == "zoo" && share.join("zoo.jsonl").exists()
    }

    fn prefix(self) -> String {
        format!("{}::", self.name)
    }
}

fn chosen(list: &str) -> Vec<Machine> {
    let has_tests = |machine: &Machine| list.lines().any(|l| l.starts_with(&machine.prefix()));
    MACHINES.iter().copied().filter(has_tests).collect()
}

/// Runs the command in each, and passes on what it prints: a line at a time, after the machine's name.
///
/// # Errors
///
/// Names the machines in which it failed.
pub(super) fn run(
    xtask: &Path,
    machines: &[Machine],
    share: &Path,
    command: &[OsString],
) -> Result<()> {
    let results: Vec<_> = std::thread::scope(|scope| {
        let start = |machine: &Machine| {
            let machine = *machine;
            (machine, scope.spawn(move || run_in(xtask, machine, share, command)))
        };
        let running: Vec<_> = machines.iter().map(start).collect();
        running.into_iter().map(|(machine, thread)| (machine, thread.join())).collect()
    });
    let mut failed = Vec::new();
    for (machine, result) in results {
        let result = result.unwrap_or_else(|_| Err(anyhow!("waiting for it panicked")));
        failed.extend(result.err().map(|error| format!("{}: {error:#}", machine.name)));
    }
    if failed.is_empty() { Ok(()) } else { Err(anyhow!(failed.join("; "))) }
}

fn run_in(xtask: &Path, machine: Machine, share: &Path, command: &[OsString]) -> Result<()> {
    let began = Instant::now();
    let (reader, writer) = std::io::pipe().context("a pipe")?;
    let others = MACHINES.iter().filter(|other| **other != machine);
    let skipped = others.map(|other| other.prefix()).chain([OUTSIDE.to_owned()]);
    let skipped = skipped.flat_map(|prefix| ["--skip".to_owned(), prefix]);
    let vm = Command::bound(xtask)
        .args(["vm"])
        .args(OPTIONS)
        .args(machine.options)
        .args([OsStr::new("--share"), share.as_os_str()])
        .args(["--"])
        .args(command)
        .args(skipped);
    let mut child = vm.write_into(writer)?.spawn()?;
    for line in BufReader::new(reader).split(b'\n') {
        println!("{:8} | {}", machine.name, String::from_utf8_lossy(&line?));
    }
    let status = child.wait()?;
    println!("{:8} | {status} after {:.0} s", machine.name, began.elapsed().as_secs_f64());
    if !status.success() {
        bail!("{status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machines_with_tests_are_started() {
        let names = |list| chosen(list).iter().map(|machine| machine.name).collect::<Vec<_>>();
        assert_eq!(names("zoo::a::b: test\nplain::c: test\n"), ["plain", "zoo"]);
        assert_eq!(names("zoo::plain::b: test\n"), ["zoo"]);
        assert_eq!(names(""), [""; 0]);
    }
}
