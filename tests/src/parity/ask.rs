//! The client: asks a daemon by virsh, in few runs, and takes its output apart exactly.

use std::collections::BTreeMap;
use std::io::{Read as _, pipe};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::dump::{Device, Dump};
use super::stage::Stage;
use crate::command::run;

/// Bytes of commands in one run; the kernel takes 128 KiB in an argument.
const MOST: usize = 90_000;
/// Seconds after which a run of virsh is killed. The first waits until the daemon knows its host.
const DEADLINE: &str = "300";

/// Names that virsh has for capabilities.
pub const CAPABILITIES: &[&str] = &[
    "system",
    "pci",
    "usb_device",
    "usb",
    "net",
    "scsi_host",
    "scsi_target",
    "scsi",
    "storage",
    "fc_host",
    "vports",
    "scsi_generic",
    "drm",
    "mdev_types",
    "mdev",
    "ccw",
    "css",
    "vdpa",
    "ap_card",
    "ap_queue",
    "ap_matrix",
    "vpd",
    "ccwgroup",
    "ccwgroup_member",
];

/// The virsh of a stage.
#[derive(Debug)]
pub(super) struct Virsh<'a> {
    stage: &'a Stage,
    has_inactive: bool,
    /// Options of `nodedev-list` that it knows.
    lists: Vec<String>,
}

impl<'a> Virsh<'a> {
    /// Finds out what it can ask: an unknown option would spoil a whole run.
    pub(super) fn new(stage: &'a Stage) -> Result<Self> {
        let help = |command: &str| {
            let ran = run(stage.command(&[], "virsh").args(["help", command]));
            if ran.status == Some(0) {
                Ok(ran.stdout)
            } else {
                bail!("virsh: {}", ran.stderr.trim())
            }
        };
        let has_inactive = help("nodedev-dumpxml")?.contains("--inactive");
        let listing = help("nodedev-list")?;
        let plain = ["", "--all", "--inactive", "--persistent", "--transient"];
        let plain = plain.into_iter().filter(|option| listing.contains(option));
        let by_kind = CAPABILITIES.iter().map(|kind| format!("--all --cap {kind}"));
        let lists = plain.map(str::to_owned).chain(by_kind).collect();
        Ok(Self { stage, has_inactive, lists })
    }

    /// Its version, which is that of the library.
    pub(super) fn version(stage: &Stage) -> Result<String> {
        let ran = run(stage.command(&[], "virsh").arg("--version"));
        if ran.status != Some(0) {
            bail!("virsh cannot be run: {}", ran.stderr.trim());
        }
        Ok(ran.stdout.trim().to_owned())
    }

    /// All that the daemon says.
    pub(super) fn dump(&self, uri: &str) -> Result<Dump> {
        let mut dump = Dump::default();
        let questions: Vec<_> =
            self.lists.iter().map(|options| format!("nodedev-list {options}")).collect();
        for (options, answer) in self.lists.iter().zip(self.ask(uri, &questions)?) {
            for line in answer.lines().filter(|line| !line.is_empty()) {
                if line.starts_with("error:") {
                    let complaint = dump.complaints.entry(options.clone()).or_default();
                    complaint.push_str(line);
                    complaint.push('\n');
                } else {
                    let device = dump.devices.entry(line.to_owned()).or_default();
                    device.lists.insert(options.clone());
                }
            }
        }
        let names: Vec<_> = dump.devices.keys().cloned().collect();
        for (name, told) in self.describe(uri, &names)? {
            let lists = dump.devices.remove(&name).unwrap_or_default().lists;
            dump.devices.insert(name, Device { lists, ..told });
        }
        Ok(dump)
    }

    /// Documents and state of these devices.
    fn describe(&self, uri: &str, names: &[String]) -> Result<BTreeMap<String, Device>> {
        let mut questions = Vec::new();
        for name in names {
            questions.push(format!("nodedev-dumpxml {name}"));
            questions.push(format!("nodedev-info {name}"));
            if self.has_inactive {
                questions.push(format!("nodedev-dumpxml --inactive {name}"));
            }
        }
        let mut answers = self.ask(uri, &questions)?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let mut devices = BTreeMap::new();
        for name in names {
            let (live, info) = (next(), next());
            let inactive = if self.has_inactive { next() } else { String::new() };
            devices.insert(name.clone(), Device { live, inactive, info, ..Device::default() });
        }
        Ok(devices)
    }

    /// The answer to each command, complaints included.
    fn ask(&self, uri: &str, commands: &[String]) -> Result<Vec<String>> {
        let mut answers = Vec::with_capacity(commands.len());
        let mut rest = commands;
        while !rest.is_empty() {
            let (mut batch, mut count) = (String::new(), 0);
            while count < rest.len() && batch.len() + rest[count].len() < MOST {
                batch.push_str(&format!("{}; echo {}; ", rest[count], mark(count)));
                count += 1;
            }
            let output = self.run(uri, &batch)?;
            answers.extend(split(&output, count)?);
            rest = &rest[count..];
        }
        Ok(answers)
    }

    /// Both outputs of virsh in the order in which it wrote them.
    fn run(&self, uri: &str, batch: &str) -> Result<String> {
        let (mut reader, writer) = pipe()?;
        let virsh = self.stage.command(&[], "virsh");
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", DEADLINE]).arg(virsh.get_program()).args(virsh.get_args());
        command.args(["-q", "-c", uri, batch]).stdin(Stdio::null()).current_dir("/");
        let child = command.stdout(writer.try_clone()?).stderr(writer).spawn();
        let mut child = child.context("cannot start virsh")?;
        // It holds the ends that are written to.
        drop(command);
        let mut output = Vec::new();
        reader.read_to_end(&mut output)?;
        let status = child.wait()?;
        if status.code().is_none_or(|code| code == 124 || code == 137) {
            bail!("virsh had no answer within {DEADLINE} s");
        }
        Ok(text(&output))
    }
}

/// What stands after the answer to the command of that number.
fn mark(number: usize) -> String {
    format!("@@end-of-answer-{number}@@")
}

fn split(output: &str, count: usize) -> Result<Vec<String>> {
    let mut rest = output;
    let mut answers = Vec::with_capacity(count);
    for number in 0..count {
        let Some((answer, after)) = rest.split_once(&mark(number)) else {
            let lines: Vec<_> = rest.trim().lines().collect();
            let last = lines[lines.len().saturating_sub(3)..].join("\n");
            bail!("virsh gave up: {last}");
        };
        answers.push(answer.to_owned());
        rest = after;
    }
    Ok(answers)
}

/// The bytes as text; those that are none are shown by their numbers, so that none is lost.
fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let output = format!("a\n{}error: no\n{}{}", mark(0), mark(1), mark(2));
        assert_eq!(split(&output, 3).unwrap(), ["a\n", "error: no\n", ""]);
        let error = split(&output, 4).unwrap_err().to_string();
        assert!(error.starts_with("virsh gave up"), "{error}");
    }

    #[test]
    fn no_byte_is_lost() {
        assert_eq!(text(b"a\xffb\xc3\xa9"), "a\\xffb\u{e9}");
        assert_ne!(text(b"\xff"), text(b"\xfe"));
    }
}
