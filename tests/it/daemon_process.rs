//! The daemon as an administrator meets it: flags, files, sockets, signals, systemd.

use std::fs::{self, File};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedev_tests::command::{nodedev, nodedevd, run};
use nodedev_tests::require::{programs, require, root};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
const NOBODY: u32 = 65534;

/// What systemd does with a socket unit. Run as `python3 -c PASS KIND PLACE NAME PROGRAM ARGS…`.
const PASS: &str = r#"
import os, socket, sys
kind, place, name, program = sys.argv[1:5]
if kind == "unix":
    made = socket.socket(socket.AF_UNIX)
    made.bind(place)
else:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
made.listen()
if made.fileno() != 3:
    os.dup2(made.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES=name)
os.execv(program, sys.argv[4:])
"#;

/// A daemon in a folder of its own, which ends with it.
struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    /// Starts one with its sockets in `s` of the folder, and waits until it listens.
    fn start(prepare: impl FnOnce(&mut Command, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = plain(folder.path());
        prepare(&mut command, folder.path());
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command.stderr(log).spawn().unwrap();
        let daemon = Self { child, folder };
        daemon.wait_for_log("clients can connect");
        daemon
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    #[track_caller]
    fn wait_for_log(&self, words: &str) {
        wait_until(|| self.log().contains(words), || format!("no `{words}` in:\n{}", self.log()));
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    #[track_caller]
    fn ended(&mut self, within: Duration) -> ExitStatus {
        let began = Instant::now();
        let mut status = None;
        wait_until(
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
            || "it does not end".to_owned(),
        );
        assert!(began.elapsed() < within, "it took {:?}", began.elapsed());
        status.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn plain(folder: &Path) -> Command {
    let mut command = Command::new(nodedevd());
    command.arg("--socket-dir").arg(folder.join("s")).args(["--mdevctl", "no-such-mdevctl"]);
    command.stdin(Stdio::null()).env_remove("NODEDEVD_LOG");
    command
}

#[track_caller]
fn wait_until(mut done: impl FnMut() -> bool, complaint: impl FnOnce() -> String) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "{}", complaint());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_command_line_is_explained_and_checked() {
    let help = run(Command::new(nodedevd()).arg("--help")).ok();
    for word in ["Examples:", "--socket-dir", "--check-config", "SIGHUP", "Exit status:"] {
        assert!(help.contains(word), "{help}");
    }
    assert!(run(Command::new(nodedevd()).arg("-V")).ok().starts_with("nodedevd "));
    assert_eq!(run(Command::new(nodedevd()).arg("--no-such-flag")).status, Some(2));
}

#[test]
fn a_configuration_is_checked_without_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conf");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        run(Command::new(nodedevd()).arg("--check-config").arg("-f").arg(&file))
    };
    let good = check("max_clients = 7\nno_such_setting = 1\n");
    assert_eq!(good.status, Some(0), "{good:?}");
    assert!(good.stderr.contains("conf:2: there is no setting `no_such_setting`"), "{good:?}");
    let bad = check("\nmax_clients = -1\nauth_unix_rw = \"sasl\"\n");
    assert_eq!(bad.status, Some(1), "{bad:?}");
    for words in ["conf:2: max_clients = -1: expected", "conf:3: auth_unix_rw = \"sasl\""] {
        assert!(bad.stderr.contains(words), "{bad:?}");
    }
    let start = run(plain(folder.path()).arg("-f").arg(&file));
    assert_eq!(start.status, Some(1), "it does not start with it either: {start:?}");
    let missing = run(plain(folder.path()).args(["-f", "/no/such/conf"]));
    assert!(missing.status == Some(1) && missing.stderr.contains("/no/such/conf"), "{missing:?}");
}

#[test]
fn sigterm_ends_it_within_a_second_and_leaves_nothing_behind() {
    let mut daemon = Daemon::start(|command, folder| {
        command.arg("-p").arg(folder.join("pid"));
    });
    let pid = fs::read_to_string(daemon.path("pid")).unwrap();
    assert_eq!(pid, format!("{}\n", daemon.child.id()));
    let _client = UnixStream::connect(daemon.path("s/virtnodedevd-sock")).unwrap();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.ended(Duration::from_secs(1)).code(), Some(0), "{}", daemon.log());
    assert!(!daemon.path("pid").exists());
    assert_eq!(fs::read_dir(daemon.path("s")).unwrap().count(), 0);
}

#[test]
fn one_daemon_for_each_socket_and_process_id_file() {
    let first = Daemon::start(|command, folder| {
        fs::write(folder.join("pid"), "1\n").unwrap();
        command.arg("-p").arg(folder.join("pid"));
    });
    let second = run(&mut plain(first.folder.path()));
    assert_eq!(second.status, Some(1), "{second:?}");
    assert!(second.stderr.contains("s/virtnodedevd-sock"), "{second:?}");
    let other = tempfile::tempdir().unwrap();
    let third = run(plain(other.path()).arg("-p").arg(first.path("pid")));
    assert_eq!(third.status, Some(1), "{third:?}");
    assert!(third.stderr.contains(&first.child.id().to_string()), "{third:?}");
    UnixStream::connect(first.path("s/virtnodedevd-sock")).unwrap();
}

#[test]
fn the_sockets_of_a_daemon_that_died_are_replaced() {
    let daemon = Daemon::start(|_, folder| {
        fs::create_dir(folder.join("s")).unwrap();
        drop(UnixListener::bind(folder.join("s/virtnodedevd-sock")).unwrap());
    });
    UnixStream::connect(daemon.path("s/virtnodedevd-sock")).unwrap();
}

#[test]
fn sighup_takes_over_what_is_right_and_keeps_what_was() {
    let notices = tempfile::tempdir().unwrap();
    let (socket, address) = notify_socket(notices.path());
    let mut daemon = Daemon::start(|command, folder| {
        fs::write(folder.join("conf"), "max_clients = 5\n").unwrap();
        command.arg("-f").arg(folder.join("conf")).env("NOTIFY_SOCKET", address);
    });
    assert!(next(&socket, "READY=1").contains("STATUS=Listening"));
    next(&socket, "STATUS=Serving");
    fs::write(daemon.path("conf"), "max_clients = 6\ntcp_port = 1\n").unwrap();
    daemon.signal(Signal::SIGHUP);
    assert!(next(&socket, "RELOADING=1").contains("MONOTONIC_USEC="));
    assert!(next(&socket, "READY=1").contains("STATUS=Serving\n"));
    assert!(daemon.log().contains("`tcp_port` has changed, which counts after a restart"));

    fs::write(daemon.path("conf"), "max_clients = none\n").unwrap();
    daemon.signal(Signal::SIGHUP);
    next(&socket, "RELOADING=1");
    assert!(next(&socket, "READY=1").contains("the settings stay"));
    assert!(daemon.log().contains("conf:1: expected a number"), "{}", daemon.log());
    UnixStream::connect(daemon.path("s/virtnodedevd-sock")).unwrap();
    daemon.signal(Signal::SIGINT);
    next(&socket, "STOPPING=1");
    assert_eq!(daemon.ended(Duration::from_secs(1)).code(), Some(0));
}

#[test]
fn the_watchdog_is_fed() {
    let notices = tempfile::tempdir().unwrap();
    let (socket, address) = notify_socket(notices.path());
    let _daemon = Daemon::start(|command, _| {
        command.env("NOTIFY_SOCKET", address).env("WATCHDOG_USEC", "4000000");
    });
    next(&socket, "WATCHDOG=1");
    next(&socket, "WATCHDOG=1");
}

fn notify_socket(folder: &Path) -> (UnixDatagram, PathBuf) {
    let address = folder.join("notify");
    let socket = UnixDatagram::bind(&address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (socket, address)
}

/// The next message with this in it.
#[track_caller]
fn next(socket: &UnixDatagram, words: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|_| panic!("no message `{words}`"));
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if message.contains(words) {
            return message;
        }
    }
}

#[test]
fn without_clients_it_ends_after_the_timeout() {
    let mut daemon = Daemon::start(|command, _| {
        command.arg("--timeout=1");
    });
    let client = UnixStream::connect(daemon.path("s/virtnodedevd-sock")).unwrap();
    drop(client);
    assert_eq!(daemon.ended(PATIENCE).code(), Some(0));
    assert!(daemon.log().contains("no clients for 1 s"), "{}", daemon.log());
}

#[test]
fn in_the_background_it_is_ready_when_the_command_returns() {
    let folder = tempfile::tempdir().unwrap();
    let started = run(plain(Path::new("")).current_dir(folder.path()).args([
        "-d",
        "-p",
        "pid",
        "--varlink-socket",
        "none",
    ]));
    assert_eq!(started.status, Some(0), "{started:?}");
    UnixStream::connect(folder.path().join("s/virtnodedevd-sock")).unwrap();
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    let again = run(plain(Path::new("")).current_dir(folder.path()).arg("-d"));
    assert_eq!(again.status, Some(1), "{again:?}");
    assert!(again.stderr.contains("another daemon listens on"), "{again:?}");
    kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGTERM).unwrap();
    wait_until(|| !folder.path().join("pid").exists(), || "it does not end".to_owned());
}

fn passing(kind: &str, name: &str, folder: &Path) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", PASS, kind]).arg(folder.join("passed")).arg(name).arg(nodedevd());
    command.args(["--mdevctl", "no-such-mdevctl"]).stdin(Stdio::null());
    command
}

#[test]
fn sockets_of_systemd_are_taken_and_no_others_made() {
    require!(programs(&["python3"]));
    for name in ["virtnodedevd.socket", "nodedevd-ro.socket", "nodedevd-varlink.socket"] {
        let mut daemon = Daemon::start(|command, folder| {
            *command = passing("unix", name, folder);
            command.arg("--socket-dir").arg(folder.join("s"));
        });
        UnixStream::connect(daemon.path("passed")).unwrap();
        assert!(!daemon.path("s").exists(), "it has made sockets of its own");
        daemon.signal(Signal::SIGTERM);
        daemon.ended(PATIENCE);
        assert!(daemon.path("passed").exists(), "systemd's file is not the daemon's to remove");
    }
}

#[test]
fn sockets_that_mean_nothing_are_refused() {
    require!(programs(&["python3"]));
    let refused = |kind: &str, name: &str, words: &str| {
        let folder = tempfile::tempdir().unwrap();
        let ran = run(&mut passing(kind, name, folder.path()));
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
    };
    refused("unix", "libvirtd.socket", "`libvirtd.socket`");
    refused("inet", "nodedevd.socket", "`nodedevd.socket`");
    refused("unix", "nodedevd-tcp.socket", "`nodedevd-tcp.socket`");
    refused("inet", "nodedevd-tcp.socket", "auth_tcp");
}

#[test]
fn a_user_has_sockets_for_themselves() {
    require!(root());
    require!(programs(&["setpriv"]));
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("nodedevd");
    fs::copy(nodedevd(), &program).unwrap();
    let runtime = folder.path().join("runtime");
    fs::create_dir(&runtime).unwrap();
    chown(&runtime, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut daemon = Daemon::start(|command, _| {
        *command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        command.env("XDG_RUNTIME_DIR", &runtime).env("HOME", "/nonexistent");
    });
    let mode = |path: &str| fs::metadata(runtime.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("libvirt"), 0o700);
    assert_eq!(mode("libvirt/virtnodedevd-sock"), 0o700);
    assert!(!runtime.join("libvirt/virtnodedevd-sock-ro").exists());
    assert!(runtime.join("nodedev/io.nodedev.NodeDevice").exists());
    daemon.wait_for_log("the first list is complete");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.ended(Duration::from_secs(1)).code(), Some(0));
}

/// An mdevctl that knows one definition, and whose `modify` says that it has begun, waits for a word on a
/// pipe, and makes the definition start with its parent.
const SLOW_MDEVCTL: &str = r#"#!/bin/sh
cd "${0%/*}" || exit 1
case "$*" in
    *--defined*)
        start=manual
        test ! -e done || start=auto
        echo '[{"0000:99:00.0":[{"11111111-2222-4333-8444-555555555555":{"mdev_type":"t","start":"'$start'"}}]}]' ;;
    list*) echo '[]' ;;
    modify*) : >begun; read -r word <word && : >done ;;
esac
"#;

/// A daemon that has begun to change a device, and the client that has asked for it.
fn in_the_middle_of_an_action() -> (Daemon, Child) {
    let daemon = Daemon::start(|command, folder| {
        let tool = folder.join("mdevctl");
        fs::write(&tool, SLOW_MDEVCTL).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        run(Command::new("mkfifo").arg(folder.join("word"))).ok();
        *command = Command::new(nodedevd());
        command.arg("--socket-dir").arg(folder.join("s")).arg("--mdevctl").arg(tool);
    });
    daemon.wait_for_log("the first list is complete");
    let device = "mdev_11111111_2222_4333_8444_555555555555_0000_99_00_0";
    let client = Command::new(nodedev())
        .args(["autostart", device, "--connect"])
        .arg(daemon.path("s/io.nodedev.NodeDevice"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| daemon.path("begun").exists(), || daemon.log());
    (daemon, client)
}

#[test]
fn what_is_being_done_to_a_device_is_done_to_its_end() {
    let (mut daemon, mut client) = in_the_middle_of_an_action();
    daemon.signal(Signal::SIGTERM);
    daemon.wait_for_log("waiting for what is being done to devices");
    assert!(!daemon.path("done").exists());
    assert!(daemon.child.try_wait().unwrap().is_none());
    fs::write(daemon.path("word"), "go\n").unwrap();
    assert_eq!(client.wait().unwrap().code(), Some(0), "it is told");
    assert_eq!(daemon.ended(Duration::from_secs(10)).code(), Some(0));
    assert!(daemon.path("done").exists());
}

#[test]
fn a_second_signal_waits_for_nothing() {
    let (mut daemon, mut client) = in_the_middle_of_an_action();
    daemon.signal(Signal::SIGTERM);
    daemon.wait_for_log("waiting for what is being done to devices");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.ended(Duration::from_secs(10)).code(), Some(0));
    assert!(!daemon.path("done").exists());
    assert_ne!(client.wait().unwrap().code(), Some(0));
    // mdevctl may go on alone: it is let out of its waiting.
    let word = File::options().write(true).custom_flags(libc::O_NONBLOCK).open(daemon.path("word"));
    drop(word);
}
