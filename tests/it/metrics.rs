//! What the real daemon shows to a scraper: this host's own devices, sources and calls.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nodedev_rpc::{EventKind, EventRegisterArgs, Frame, Header, ListAllArgs, procedures};
use nodedev_tests::command::{nodedev, run};
use nodedev_tests::daemon::Daemon;
use nodedev_tests::require::{require, root};
use nodedev_tests::wire::{Client, PATIENCE};

const NOBODY: u32 = 65534;

fn scrape(socket: &Path) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_daemon_shows_metrics_where_it_was_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("m/metrics.sock");
    let config = format!(
        "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nmdevctl = \"no-such-mdevctl\"\n\
         metrics_listen = \"unix:{}\"\n",
        socket.display()
    );
    let enter = |program: &Path| Command::new(program);
    let daemon = Daemon::with_config(&folder.path().join("s"), &config, enter);
    let varlink = daemon.socket().with_file_name("io.nodedev.NodeDevice");
    let connect = ["--connect", varlink.to_str().unwrap()];
    run(Command::new(nodedev()).args(["list"]).args(connect)).ok();
    let answer = scrape(&socket);
    assert!(answer.ends_with("# EOF\n"), "{answer}");
    for line in [
        "HTTP/1.1 200 OK\r\n",
        "nodedev_devices{capability=\"system\",state=\"active\"} 1\n",
        "nodedev_source_state{source=\"udev\",state=\"running\"} 1\n",
        "nodedev_source_activity_total{source=\"mdevctl\",activity=\"runs\"} 0\n",
        "nodedev_source_activity_total{source=\"udev\",activity=\"received\"} ",
        "nodedev_varlink_call_duration_seconds_count{method=\"List\"} 1\n",
        "nodedev_connections_total{door=\"varlink\"} 1\n",
    ] {
        assert!(answer.contains(line), "no {line} in {answer}");
    }
    let mode = socket.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "not for everybody");
    drop(daemon);
}

/// What is shown of a line that begins so.
enum Shown {
    Just(f64),
    More(f64),
}

use Shown::{Just, More};

/// Of what happens below. Nothing makes a list too slow to follow, and nothing holds up a thread.
const COUNTED: &[(&str, Shown)] = &[
    ("nodedev_messages_total", More(2.0)),
    ("nodedev_missed_events_total", Just(0.0)),
    ("nodedev_list_generation", More(2.0)),
    ("nodedev_list_devices", More(1.0)),
    ("nodedev_queue_bound_messages{queue=\"registry\"}", Just(4096.0)),
    ("nodedev_queue_bound_messages{queue=\"udev\"}", Just(4096.0)),
    ("nodedev_source_level{source=\"udev\",level=\"waiting\"}", Just(0.0)),
    ("nodedev_source_level{source=\"mdevctl\",level=\"running\"}", Just(0.0)),
    ("nodedev_source_messages_total{source=\"restless\"}", More(2.0)),
    ("nodedev_source_self_checks_total{source=\"udev\"}", More(0.0)),
    ("nodedev_source_drifted_devices_total{source=\"udev\"}", Just(0.0)),
    ("nodedev_source_failures_total{source=\"brief\"}", More(0.0)),
    ("nodedev_source_restarts_total{source=\"brief\"}", More(0.0)),
    ("nodedev_source_restarts_total{source=\"udev\"}", Just(0.0)),
    ("nodedev_stream_devices{stream=\"udev\"}", More(0.0)),
    ("nodedev_stream_devices{stream=\"brief\"}", Just(1.0)),
    ("nodedev_stream_stale_devices{stream=\"brief\"}", Just(1.0)),
    ("nodedev_stream_stale_devices{stream=\"udev\"}", Just(0.0)),
    ("nodedev_clients{door=\"varlink\"}", Just(2.0)),
    ("nodedev_turned_away_clients_total", Just(1.0)),
    ("nodedev_held_up_client_threads_total", Just(0.0)),
    ("nodedev_client_unread_bytes", More(0.0)),
    ("nodedev_client_pending_events", More(0.0)),
    ("nodedev_client_coalesced_events_total", More(0.0)),
];

/// A program that has a device and ends soon, and one that has more and more, of which one comes and
/// goes.
const PROGRAMS: [(&str, &str); 2] = [
    ("brief", "begin; say observation one; end; sleep 1"),
    (
        "restless",
        "begin; end; while :; do say observation one; say gone one
         n=$((n + 1)); say observation $n; sleep 0.01; done",
    ),
];

/// Messages of a program as a source.
const WORDS: &str = r#"#!/bin/sh
say() { echo "{\"message\":\"$1\",\"device\":\"$name:$2\",\"fields\":{}}"; }
begin() { echo "{\"message\":\"hello\",\"protocol\":1,\"name\":\"$name\"}"; echo '{"message":"begin"}'; }
end() { echo '{"message":"end"}'; }
"#;

#[test]
fn what_happens_is_counted() {
    require!(root());
    let folder = tempfile::tempdir().unwrap();
    // Another user comes in.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let metrics = folder.path().join("metrics.sock");
    for (name, does) in PROGRAMS {
        let program = folder.path().join(name);
        fs::write(&program, format!("{WORDS}name={name}\n{does}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let sources = folder.path().join("sources.d");
        fs::create_dir_all(&sources).unwrap();
        let command = format!("command = [\"{}\"]\n", program.display());
        fs::write(sources.join(format!("{name}.conf")), command).unwrap();
    }
    let config = format!(
        "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nmdevctl = \"no-such-mdevctl\"\n\
         metrics_listen = \"unix:{}\"\nsources_dir = \"{}\"\n\
         self_check_interval = 1\nmax_clients = 4\n",
        metrics.display(),
        folder.path().join("sources.d").display(),
    );
    let enter = |program: &Path| Command::new(program);
    let daemon = Daemon::with_config(&folder.path().join("s"), &config, enter);

    let mut deaf = Client::open(&daemon.socket(), 0);
    deaf.call::<procedures::ConnectNodeDeviceEventRegisterAny>(&lifecycle()).unwrap();
    let args = ListAllArgs { need_results: 1, flags: 0 };
    let list = Frame::bytes_of(&Header::call(285, 999), &args).unwrap();
    deaf.fill(&list.repeat(1000), 4 << 20);
    // A user may take half of all places; who watches takes two.
    let nobodys = || {
        let mut command = Command::new(nodedev());
        command.uid(NOBODY).arg("--connect").arg(daemon.varlink_socket());
        command
    };
    let mut first = nobodys().arg("watch").stdout(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(first.stdout.take().unwrap()).lines();
    events.next().unwrap().unwrap();
    let second = run(nobodys().arg("list"));
    assert!(second.stderr.contains("the daemon has ended the connection"), "{second:?}");

    let mut missing: Vec<_> = COUNTED.iter().collect();
    let deadline = Instant::now() + PATIENCE;
    let mut answer = String::new();
    while !missing.is_empty() {
        assert!(Instant::now() < deadline, "{:?} in {answer}", names(&missing));
        answer = scrape(&metrics);
        missing.retain(|(name, shown)| !shown.is_in(&answer, name));
    }
    first.kill().unwrap();
    first.wait().unwrap();
}

fn lifecycle() -> EventRegisterArgs {
    EventRegisterArgs { event: EventKind::Lifecycle, device: None }
}

fn names(lines: &[&(&'static str, Shown)]) -> Vec<&'static str> {
    lines.iter().map(|(name, _)| *name).collect()
}

impl Shown {
    fn is_in(&self, answer: &str, name: &str) -> bool {
        let shown = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let shown: Option<f64> = shown.map(|shown| shown.parse().unwrap());
        shown.is_some_and(|shown| match *self {
            Just(expected) => shown.to_bits() == expected.to_bits(),
            More(than) => shown > than,
        })
    }
}
