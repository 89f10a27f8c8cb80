//! Programs as sources of the built daemon: what virsh and `nodedev` show of them, and their end.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedev_tests::command::{nodedev, run};
use nodedev_tests::daemon::{Daemon, uri_of};
use nodedev_tests::require::{programs, require, root};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon with one program as a source, in a mount name space of its own.
struct Bed {
    daemon: Daemon,
    folder: TempDir,
}

impl Bed {
    /// A daemon that runs this Python as the source of this name.
    fn start(name: &str, script: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = folder.path().join("sources.d");
        fs::create_dir(&sources).unwrap();
        let command =
            format!("command = [\"/usr/bin/env\", \"python3\", \"{}\"]\n", script.display());
        fs::write(sources.join(format!("{name}.conf")), command).unwrap();
        let config = format!(
            "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nmdevctl = \"no-such-mdevctl\"\n\
             sources_dir = \"{}\"\n",
            sources.display()
        );
        let enter = |program: &Path| {
            let mut command = Command::new("unshare");
            command.args(["--mount", "--propagation", "private"]).arg(program);
            command
        };
        let daemon = Daemon::with_config(&folder.path().join("s"), &config, enter);
        Self { daemon, folder }
    }

    fn nodedev(&self, args: &[&str]) -> Command {
        let mut command = Command::new(nodedev());
        command.args(args).arg("--connect").arg(self.daemon.varlink_socket());
        command
    }

    fn virsh(&self, args: &[&str]) -> String {
        let uri = uri_of(&self.daemon.socket());
        run(Command::new("virsh").args(["-c", &uri]).args(args)).ok()
    }

    /// A command that sees the daemon's file systems.
    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.daemon.process().to_string(), "--", program]);
        command
    }
}

/// `nodedev watch`, which waits for events.
struct Watch(Child);

impl Watch {
    fn start(bed: &Bed) -> Self {
        let mut command = bed.nodedev(&["watch"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(notes.any(|line| line.unwrap().contains("watching")), "it does not watch");
        Self(child)
    }

    /// Waits for a line with these words; the test's own deadline ends it otherwise.
    fn until(&mut self, words: &[&str]) {
        let lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        let seen = |line: String| words.iter().all(|word| line.contains(word));
        assert!(lines.map_while(Result::ok).any(seen), "never: {words:?}");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processes with this in their command line.
fn processes(mark: &str) -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    })
    .collect()
}

/// There is no event for what other processes do to each other.
#[track_caller]
fn until<T>(what: &str, so: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = so() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::yield_now();
    }
}

fn example() -> PathBuf {
    let example = "../crates/nodedev-source-exec/examples/mounts.py";
    Path::new(env!("CARGO_MANIFEST_DIR")).join(example).canonicalize().unwrap()
}

#[test]
fn forty_lines_of_python_are_devices_for_virsh_and_nodedev() {
    require!(root());
    require!(programs(&["python3", "unshare", "nsenter", "virsh"]));
    let bed = Bed::start("mounts", &example());
    let listed = bed.virsh(&["nodedev-list"]);
    assert!(listed.lines().any(|line| line == "mounts__proc"), "{listed}");
    assert!(run(&mut bed.nodedev(&["list"])).ok().contains("mounts__proc"));
    let document = bed.virsh(&["nodedev-dumpxml", "mounts__proc"]);
    assert!(document.contains("<name>mounts__proc</name>"), "{document}");
    assert!(document.contains("<parent>computer</parent>"), "{document}");
    let explained = run(&mut bed.nodedev(&["explain", "mounts__proc"])).ok();
    assert!(explained.contains("mounts:type") && explained.contains("proc"), "{explained}");

    let place = bed.folder.path().join("new");
    fs::create_dir(&place).unwrap();
    let name = format!("mounts_{}", place.display()).replace(['/', '.', '-'], "_");
    let mut watch = Watch::start(&bed);
    run(bed.inside("mount").args(["-t", "tmpfs", "acme"]).arg(&place)).ok();
    watch.until(&["created", &name]);
    assert!(bed.virsh(&["nodedev-list"]).contains(&name));
    let json = run(&mut bed.nodedev(&["dump", "--json", &name])).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["devices"][0]["extensions"]["mounts"]["source"], "acme");
    run(bed.inside("umount").arg(&place)).ok();
    watch.until(&["deleted", &name]);
    assert!(!bed.virsh(&["nodedev-list"]).contains(&name));
}

/// A program that tells its process id, and what it is told to do when it gets a signal.
const STUBBORN: &str = r#"
import json, os, signal, sys
def say(**message): print(json.dumps(message), flush=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
say(message="hello", protocol=1, name="stubborn", about="stubborn.py")
say(message="begin")
say(message="observation", device="stubborn:one", fields={"driver": "mule", "subsystem": "a\u001b", "serial": 1})
print("rubbish", flush=True)
say(message="end")
print("I stay", file=sys.stderr, flush=True)
while True: signal.pause()
"#;

#[test]
fn a_program_that_fails_is_started_again_and_ends_with_the_daemon() {
    require!(root());
    require!(programs(&["python3", "unshare"]));
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("stubborn.py");
    fs::write(&script, STUBBORN).unwrap();
    let mark = script.to_str().unwrap();
    let bed = Bed::start("stubborn", &script);
    assert!(run(&mut bed.nodedev(&["list"])).ok().contains("stubborn_one"));
    let sources = run(&mut bed.nodedev(&["sources"])).stdout;
    for words in [
        "stubborn 0.1.0  running",
        "speaks to    stubborn.py",
        "line 2 of a listing: is no JSON object",
        "serial",
        "subsystem: line 1 of a listing: has control characters",
    ] {
        assert!(sources.contains(words), "no {words} in {sources}");
    }
    assert!(bed.daemon.log().contains("I stay"), "{}", bed.daemon.log());

    let [first] = processes(mark)[..] else { panic!("{:?}", processes(mark)) };
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    until("another program runs", || processes(mark).into_iter().find(|id| *id != first));
    until("it is the source again", || {
        let sources = run(&mut bed.nodedev(&["sources"])).stdout;
        (sources.contains("1 restarts") && sources.contains("stubborn 0.1.0  running"))
            .then_some(())
    });
    assert!(run(&mut bed.nodedev(&["list"])).ok().contains("stubborn_one"));

    let process = Pid::from_raw(bed.daemon.process().try_into().unwrap());
    kill(process, Signal::SIGTERM).unwrap();
    until("the daemon has ended", || {
        fs::read_to_string(format!("/proc/{process}/stat"))
            .map_or(Some(()), |stat| stat.contains(") Z ").then_some(()))
    });
    assert_eq!(processes(mark), [0; 0], "its program went before it");
}
