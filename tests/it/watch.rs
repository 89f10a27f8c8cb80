//! `nodedev watch` on real devices and definitions, as they happen.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedev_tests::command::run;
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

/// A running `nodedev watch`.
struct Watch {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Watch {
    /// Starts it and waits until it watches.
    fn start(lab: &Lab, args: &[&str]) -> Self {
        let mut args = args.to_vec();
        args.insert(0, "watch");
        let mut command = lab.nodedev(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(notes.any(|line| line.unwrap().contains("watching")), "it does not watch");
        let lines = read_lines(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line, which must come within the time that a slow machine needs.
    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(20)).expect("an event comes")
    }

    /// Lines until one holds the text; that one.
    #[track_caller]
    fn line_with(&self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends it as Ctrl-C does; what it had still to say, and its status.
    fn interrupt(mut self) -> (Vec<String>, Option<i32>) {
        // nsenter has become the command itself.
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        let status = self.child.wait().unwrap();
        (self.lines.iter().collect(), status.code())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(output: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let read = BufReader::new(output).lines().map_while(Result::ok);
        read.take_while(|line| sender.send(line.clone()).is_ok()).count();
    });
    lines
}

#[test]
fn real_devices_and_definitions_show_as_they_come_and_go() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl", "ip"]));
    let lab = Lab::start();
    let watch = Watch::start(&lab, &[]);
    lab.run("ip", &["link", "add", "nodedevtest0", "type", "ifb"]);
    assert!(watch.line_with("nodedevtest0").starts_with("created   net_nodedevtest0_"));
    lab.run("ip", &["link", "del", "nodedevtest0"]);
    assert!(watch.line_with("nodedevtest0").starts_with("deleted   net_nodedevtest0_"));

    let uuid = "11111111-2222-4333-8444-555555555555";
    let parent = ["--uuid", uuid, "--parent", "0000:99:00.0"];
    lab.run("mdevctl", &[&["define", "--type", "some-type"], &parent[..]].concat());
    let name = "mdev_11111111_2222_4333_8444_555555555555_0000_99_00_0";
    assert_eq!(watch.line(), format!("defined   {name}"));
    lab.run("mdevctl", &[&["modify", "--auto"], &parent[..]].concat());
    assert_eq!(watch.line(), format!("updated   {name}"));
    lab.run("mdevctl", &[&["undefine"], &parent[..]].concat());
    assert_eq!(watch.line(), format!("undefined {name}"));
    let (rest, status) = watch.interrupt();
    assert_eq!((rest, status), (Vec::new(), Some(0)));
}

#[test]
fn a_rename_is_deleted_then_created() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "ip"]));
    let lab = Lab::start();
    lab.run("ip", &["link", "add", "nodedevold", "type", "ifb"]);
    lab.settle();
    let watch = Watch::start(&lab, &["--json"]);
    lab.run("ip", &["link", "set", "nodedevold", "name", "nodedevnew"]);
    let event = |line: String| serde_json::from_str::<serde_json::Value>(&line).unwrap();
    let (first, second) = (event(watch.line_with("nodedevold")), event(watch.line()));
    assert_eq!(first["event"], "deleted", "{first}");
    assert_eq!(second["event"], "created", "{second}");
    assert!(second["name"].as_str().unwrap().starts_with("net_nodedevnew_"), "{second}");
    assert_eq!(second["generation"], first["generation"], "one list: {first} {second}");
    assert_eq!(watch.interrupt().1, Some(0));
}

/// docs/differences.md: a MAC or link change alone makes no uevent: links are followed through rtnetlink.
/// docs/differences.md: MAC or serial change leaves a second, undying object: old deleted, new created.
#[test]
fn a_mac_or_link_change_alone_is_followed_and_leaves_no_second_object() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "ip"]));
    let lab = Lab::start();
    let pair = "link add nd0 address 02:00:00:00:00:10 type veth \
                peer name nd1 address 02:00:00:00:00:11";
    lab.run("ip", &pair.split_whitespace().collect::<Vec<_>>());
    lab.settle();
    let watch = Watch::start(&lab, &["--json"]);
    let event = |what: &str, name: &str| {
        let event: serde_json::Value = serde_json::from_str(&watch.line_with(name)).unwrap();
        assert_eq!(event["event"], what, "{event}");
        event["generation"].clone()
    };
    let (first, second) = ("net_nd0_02_00_00_00_00_10", "net_nd0_02_00_00_00_00_20");
    lab.run("ip", &["link", "set", "nd0", "address", "02:00:00:00:00:20"]);
    assert_eq!(event("deleted", first), event("created", second), "one list");
    lab.run("ip", &["link", "set", "nd0", "up"]);
    event("updated", second);
    // The carrier of one end is the state of the other.
    lab.run("ip", &["link", "set", "nd1", "up"]);
    event("updated", second);
    lab.run("ip", &["link", "set", "nd1", "down"]);
    event("updated", second);
    let dumped = run(&mut lab.nodedev(&["dump", second])).ok();
    assert!(dumped.contains("<link state='lowerlayerdown'/>"), "{dumped}");
    lab.run("ip", &["link", "set", "nd0", "address", "02:00:00:00:00:10"]);
    assert_eq!(event("deleted", second), event("created", first), "one list");
    lab.run("ip", &["link", "del", "nd0"]);
    event("deleted", first);
    let (rest, _) = watch.interrupt();
    assert!(!rest.iter().any(|line| line.contains("net_nd0_")), "{rest:?}");
    assert!(!names(&lab).iter().any(|name| name.contains("nd0")));
}

/// The kernel tells of a rename both by a uevent and over rtnetlink, and neither waits for the other.
#[test]
fn renames_and_changes_at_once_make_no_event_twice() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "ip"]));
    let lab = Lab::start();
    lab.run("ip", &["link", "add", "nd0", "type", "veth", "peer", "name", "ndpeer"]);
    lab.settle();
    let mut names = names(&lab);
    let watch = Watch::start(&lab, &["--json"]);
    lab.run("bash", &["-c", RENAMES]);
    lab.run("ip", &["link", "add", "nodedevlast", "type", "ifb"]);
    let mut created = 0;
    loop {
        let event: serde_json::Value = serde_json::from_str(&watch.line()).unwrap();
        let name = event["name"].as_str().unwrap().to_owned();
        match event["event"].as_str().unwrap() {
            "created" => assert!(names.insert(name.clone()), "twice: {event}"),
            "deleted" => assert!(names.remove(&name), "unknown: {event}"),
            _ => assert!(names.contains(&name), "unknown: {event}"),
        }
        created += u32::from(event["event"] == "created" && name.starts_with("net_ndr"));
        let listed = names.iter().filter(|name| name.starts_with("net_ndr"));
        assert!(listed.count() <= 1, "one interface, one device: {event}");
        if name.starts_with("net_nodedevlast_") {
            break;
        }
    }
    // A MAC that lasted less than a reading takes need not have been a device.
    assert!((RENAMED..=2 * RENAMED).contains(&created), "{created}");
    assert_eq!(watch.interrupt().1, Some(0));
    lab.settle();
    assert_eq!(names, self::names(&lab));
}

const RENAMED: u32 = 50;

/// An interface with a new name each time, with a new address before or behind, and its state
/// changing meanwhile. Settled, since a name that lasts less than udevd's work need not be one.
const RENAMES: &str = "set -e
last=nd0
for i in $(seq 50); do
  mac=02:00:00:00:01:$(printf %02x $i)
  if [ $((i % 2)) = 0 ]; then ip link set $last address $mac; fi
  ip link set $last name ndr$i; last=ndr$i
  if [ $((i % 2)) = 1 ]; then ip link set $last address $mac; fi
  if [ $((i % 3)) = 0 ]; then ip link set ndpeer up; fi
  if [ $((i % 3)) = 1 ]; then ip link set ndpeer down; fi
  udevadm settle || udevadm settle
done";

#[test]
fn a_watch_that_nobody_reads_ends() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd"]));
    let lab = Lab::start();
    let mut watch = lab.nodedev(&["watch"]);
    let mut child = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(notes.any(|line| line.unwrap().contains("watching")), "it does not watch");
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_watch_tells_what_goes_wrong_meanwhile() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl"]));
    let lab = Lab::start();
    let mut watch = lab.nodedev(&["watch"]);
    let mut child = watch.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(notes.any(|line| line.unwrap().contains("watching")), "it does not watch");
    let parent = lab.definitions().join("0000:99:00.0");
    std::fs::create_dir(&parent).unwrap();
    std::fs::write(parent.join("11111111-2222-4333-8444-555555555555"), "{").unwrap();
    assert!(notes.any(|line| line.unwrap().contains("not JSON")), "it does not tell");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A client that follows events holds the list that a fresh look shows.
#[test]
fn following_events_ends_in_the_list_that_a_fresh_look_shows() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "ip"]));
    let lab = Lab::start();
    let mut names = names(&lab);
    let watch = Watch::start(&lab, &["--json"]);
    lab.run("bash", &["-c", INTERFACES_COME_AND_GO]);
    lab.settle();
    // All before it are told, so with the last interface they are there.
    lab.run("ip", &["link", "add", "nodedevlast", "type", "ifb"]);
    loop {
        let event: serde_json::Value = serde_json::from_str(&watch.line()).unwrap();
        let name = event["name"].as_str().unwrap().to_owned();
        match event["event"].as_str().unwrap() {
            "created" => assert!(names.insert(name.clone()), "twice: {event}"),
            "deleted" => assert!(names.remove(&name), "unknown: {event}"),
            _ => assert!(names.contains(&name), "unknown: {event}"),
        }
        if name.starts_with("net_nodedevlast_") && event["event"] == "created" {
            break;
        }
    }
    assert_eq!(watch.interrupt().1, Some(0));
    lab.settle();
    assert_eq!(names, self::names(&lab));
}

/// Thirty interfaces, of which some are renamed and some go again, in a fixed mixed order.
const INTERFACES_COME_AND_GO: &str = "set -e
for i in $(seq 30); do
  ip link add nd$i type ifb
  if [ -e /sys/class/net/nd$((i - 1)) ] && [ $((i % 3)) = 0 ]; then ip link set nd$((i - 1)) name ndr$i; fi
  if [ $((i % 4)) = 0 ]; then ip link del nd$i; fi
  if [ $((i % 8)) = 0 ]; then ip link add nd$i type ifb; fi
done";

fn names(lab: &Lab) -> BTreeSet<String> {
    let listed = run(&mut lab.nodedev(&["list"])).ok();
    listed.lines().map(str::to_owned).collect()
}
