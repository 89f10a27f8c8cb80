//! What the real daemon shows to a scraper: this host's own devices, sources and calls.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use nodedev_tests::command::{nodedev, run};
use nodedev_tests::daemon::Daemon;

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
