//! `nodedev` asking `nodedevd` over varlink says what it says without one.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use nodedev_tests::command::{Ran, run};
use nodedev_tests::daemon::Daemon;
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

const DEFINED: &str = "mdev_11111111_2222_4333_8444_555555555555_0000_99_00_0";

/// A laboratory with a defined device and a daemon.
struct Served {
    daemon: Daemon,
    lab: Lab,
}

impl Served {
    fn start() -> Self {
        let lab = Lab::start();
        let uuid = "11111111-2222-4333-8444-555555555555";
        let define = ["define", "--type", "t", "--uuid", uuid, "--parent", "0000:99:00.0"];
        lab.run("mdevctl", &define);
        let daemon = Daemon::start(&lab.folder().join("daemon"), |program| lab.command(program));
        Self { daemon, lab }
    }

    fn socket(&self) -> PathBuf {
        self.daemon.socket().with_file_name("io.nodedev.NodeDevice")
    }

    fn nodedev(&self, connect: &str, args: &[&str]) -> Ran {
        run(self.lab.nodedev(args).args(["--connect", connect]))
    }

    fn over_the_socket(&self, args: &[&str]) -> Ran {
        self.nodedev(self.socket().to_str().unwrap(), args)
    }
}

#[test]
fn every_command_says_the_same_over_both_ways() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl"]));
    let served = Served::start();
    for args in [
        &["list"][..],
        &["list", "--all", "--json"],
        &["list", "--tree", "--all"],
        &["list", "--tree", "--cap", "net,storage"],
        &["list", "--inactive"],
        &["list", "--cap", "net", "--transient"],
        &["dump", "--all-devices"],
        &["dump", "--all-devices", "--json"],
        &["dump", "--json", "computer"],
        &["dump", "--inactive", DEFINED],
        &["dump", "computer", "none"],
        &["dump", "--inactive", "none", DEFINED],
        &["explain", "none"],
        &["dump", "none"],
    ] {
        let (here, there) = (served.nodedev("none", args), served.over_the_socket(args));
        assert_eq!(there.stdout, here.stdout, "{args:?}");
        assert_eq!(there.stderr, here.stderr, "{args:?}");
        assert_eq!(there.status, here.status, "{args:?}");
    }
    for args in [&["explain", "--json", DEFINED][..], &["sources", "--json"]] {
        let json = |ran: Ran| {
            let mut json: serde_json::Value = serde_json::from_str(&ran.ok()).unwrap();
            without_times(&mut json);
            json
        };
        assert_eq!(json(served.over_the_socket(args)), json(served.nodedev("none", args)));
    }
    let sources = served.over_the_socket(&["sources"]).ok();
    assert!(sources.contains(served.socket().to_str().unwrap()), "{sources}");
    assert!(served.nodedev("none", &["sources"]).ok().contains("this process"));
    let explained = served.over_the_socket(&["explain", DEFINED]).ok();
    assert!(explained.contains("mdevctl/defined"), "{explained}");
}

/// When something was said, and how much so far, is of one run.
fn without_times(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(object) => {
            let of_one_run = ["registry", "reasons", "snapshots", "checks", "counts"];
            let times = ["said", "revision", "last_change", "events", "resyncs"];
            for key in times.into_iter().chain(of_one_run) {
                object.remove(key);
            }
            object.values_mut().for_each(without_times);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn a_watch_over_the_socket_ends_with_the_daemon() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl", "ip"]));
    let served = Served::start();
    let mut watch = served.lab.nodedev(&["watch"]);
    watch.arg("--connect").arg(served.socket()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = watch.spawn().unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut said: Vec<String> = Vec::new();
    while !said.last().is_some_and(|line| line.contains("watching")) {
        said.push(notes.next().unwrap_or_else(|| panic!("it does not watch: {said:?}")));
    }
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    served.lab.run("ip", &["link", "add", "nodedevtest0", "type", "ifb"]);
    let created = events.find(|line| line.contains("nodedevtest0")).unwrap();
    assert!(created.starts_with("created   net_nodedevtest0_"), "{created}");
    drop(served.daemon);
    assert!(notes.any(|line| line.contains("the daemon has ended")), "it does not say why");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_socket_that_is_named_must_answer_and_one_that_is_not_need_not() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl"]));
    let lab = Lab::start();
    let nowhere = lab.folder().join("nowhere");
    let refused = run(lab.nodedev(&["list", "--connect"]).arg(&nowhere));
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("nowhere"), "{refused:?}");
    let by_environment = run(lab.nodedev(&["list"]).env("NODEDEV_CONNECT", &nowhere));
    assert_eq!(by_environment.status, Some(1), "{by_environment:?}");
    let both = run(lab.nodedev(&["list", "--mdevctl", "mdevctl", "--connect"]).arg(&nowhere));
    assert_eq!(both.status, Some(2), "{both:?}");
    assert!(run(&mut lab.nodedev(&["list", "--connect", "auto"])).ok().contains("computer"));
}

#[test]
fn a_device_without_a_definition_costs_itself_only() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl", "ip"]));
    let served = Served::start();
    served.lab.run("ip", &["link", "add", "nodedevtest0", "type", "ifb"]);
    served.lab.settle();
    let names = served.nodedev("none", &["list", "--cap", "net"]).ok();
    let transient = names.lines().find(|name| name.contains("nodedevtest0")).unwrap();
    let dumped = served.nodedev("none", &["dump", "--inactive", transient, DEFINED]);
    assert_eq!(dumped.status, Some(1), "{dumped:?}");
    assert!(dumped.stdout.contains(&format!("<name>{DEFINED}</name>")), "{dumped:?}");
    assert!(dumped.stderr.contains(&format!("{transient} is not persistent")), "{dumped:?}");
}
