//! Events of real devices as every binding hears them, from our daemon and from libvirt's at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nodedev_tests::require::require;

use crate::clients::{C, GO, PERL, PYTHON};
use crate::clients_both::{Both, Side, tools};

/// How long a slow machine may need for an event.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that prints events, one a line.
struct Follower {
    name: String,
    child: Child,
    lines: mpsc::Receiver<String>,
    heard: Vec<String>,
}

impl Follower {
    /// Starts it and waits until it has said that it follows.
    fn start(name: &str, mut command: Command) -> Self {
        let mut follower = Self::start_at_once(name, &mut command);
        assert_eq!(follower.line(), "ready", "{name}");
        follower.heard.clear();
        follower
    }

    fn start_at_once(name: &str, command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let read = BufReader::new(output).lines().map_while(Result::ok);
            read.take_while(|line| sender.send(line.clone()).is_ok()).count();
        });
        Self { name: name.to_owned(), child, lines, heard: Vec::new() }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("{} hears no more: {:?}", self.name, self.heard));
        self.heard.push(line.clone());
        line
    }

    /// Listens until it has heard this.
    #[track_caller]
    fn hear(&mut self, event: &str) {
        while self.line() != event {}
    }

    /// All that it heard, once it has ended by itself.
    #[track_caller]
    fn end(mut self) -> Vec<String> {
        self.heard.extend(self.lines.iter());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}: {status}: {:?}", self.name, self.heard);
        self.heard.retain(|line| !line.starts_with("vir"));
        std::mem::take(&mut self.heard)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is done, and the events that tell that it has been seen: all have to be heard.
const STEPS: &[(&str, &[&str])] = &[
    ("ip link add nd0 address 02:00:00:00:00:10 type ifb", &["created net_nd0_02_00_00_00_00_10"]),
    ("ip link add nd1 address 02:00:00:00:00:11 type ifb", &["created net_nd1_02_00_00_00_00_11"]),
    (
        "ip link add nd2 address 02:00:00:00:00:12 type veth \
         peer name nd3 address 02:00:00:00:00:13",
        &["created net_nd2_02_00_00_00_00_12", "created net_nd3_02_00_00_00_00_13"],
    ),
    // Of bridges and virtual networks there are no events. Not every kernel can make both.
    ("ip link add ndbridge type bridge || true", &[]),
    ("ip link add link nd1 name ndvlan type vlan id 5 || true", &[]),
    (
        "ip link set nd0 name ndr0",
        &["deleted net_nd0_02_00_00_00_00_10", "created net_ndr0_02_00_00_00_00_10"],
    ),
    // A change that the document shows.
    ("ip link set nd2 up && ip link set nd3 up", &[]),
    ("udevadm trigger --action=change /sys/class/net/nd2", &["updated net_nd2_02_00_00_00_00_12"]),
    (
        "ip link del nd2",
        &["deleted net_nd2_02_00_00_00_00_12", "deleted net_nd3_02_00_00_00_00_13"],
    ),
    ("ip link del ndvlan || true; ip link del ndbridge || true", &[]),
    ("ip link del ndr0", &["deleted net_ndr0_02_00_00_00_00_10"]),
    ("ip link del nd1", &["deleted net_nd1_02_00_00_00_00_11"]),
    (
        "ip link add ndlast address 02:00:00:00:00:1f type ifb",
        &["created net_ndlast_02_00_00_00_00_1f"],
    ),
];

#[test]
fn every_binding_hears_from_us_what_libvirt_tells() {
    require!(tools());
    for client in [PYTHON, PERL, GO] {
        require!(client.available());
    }
    let both = Both::start();
    let follow = |client, side| both.client(client, side, &["events", "net_ndlast_"]);
    let mut followers = vec![Follower::start("libvirt's", follow(C, &both.theirs))];
    for client in [C, PYTHON, PERL, GO] {
        followers.push(Follower::start(client.name, follow(client, &both.ours)));
    }
    for (done, heard) in STEPS {
        both.lab.run("bash", &["-e", "-c", done]);
        both.lab.settle();
        for event in *heard {
            followers.iter_mut().for_each(|follower| hear_in_any_order(follower, event));
        }
    }
    let mut heard = followers.into_iter().map(|follower| by_device(&follower.end()));
    let theirs = heard.next().unwrap();
    assert_eq!(theirs.len(), 6, "{theirs:#?}");
    heard.for_each(|ours| assert_eq!(ours, theirs, "ours, then libvirt's"));
}

/// docs/differences.md: a MAC or link change alone makes no uevent: links are followed through rtnetlink.
#[test]
fn a_client_hears_of_a_mac_or_link_change_alone() {
    require!(tools());
    let both = Both::start();
    let pair = "ip link add nd0 address 02:00:00:00:00:10 type veth \
                peer name nd1 address 02:00:00:00:00:11";
    both.lab.run("bash", &["-c", pair]);
    both.lab.settle();
    both.wait_until_listed("net_nd0_02_00_00_00_00_10");
    both.wait_until_listed("net_nd1_02_00_00_00_00_11");
    let command = both.client(C, &both.ours, &["events", "net_ndlast_"]);
    let mut ours = Follower::start("C", command);
    both.lab.run("ip", &["link", "set", "nd0", "address", "02:00:00:00:00:20"]);
    ours.hear("deleted net_nd0_02_00_00_00_00_10");
    assert_eq!(ours.line(), "created net_nd0_02_00_00_00_00_20");
    both.lab.run("bash", &["-c", "ip link set nd1 up; ip link set nd0 up"]);
    ours.hear("updated net_nd0_02_00_00_00_00_20");
}

/// The order of events of different devices is not promised.
#[track_caller]
fn hear_in_any_order(follower: &mut Follower, event: &str) {
    if !follower.heard.iter().any(|heard| heard == event) {
        follower.hear(event);
    }
}

/// What became of each of the test's devices, in order. The others' uevents come from whatever
/// else happens on this machine, and libvirt tells of them even where nothing changed. Of changed
/// links, which make no uevent, we alone tell.
fn by_device(heard: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut devices = BTreeMap::<_, Vec<_>>::new();
    let events = heard.iter().map(|line| line.split_once(' ').unwrap());
    for (what, name) in
        events.filter(|(what, name)| *what != "updated" && name.starts_with("net_nd"))
    {
        devices.entry(name.to_owned()).or_default().push(what.to_owned());
    }
    devices
}

#[test]
fn who_follows_one_device_hears_of_no_other() {
    require!(tools());
    let both = Both::start();
    let add = |name: &str, end: &str| {
        let address = format!("02:00:00:00:00:{end}");
        both.lab.run("ip", &["link", "add", name, "address", &address, "type", "ifb"]);
    };
    add("nd0", "10");
    add("nd1", "11");
    both.lab.settle();
    let follow = |side| {
        let args = ["events", "net_nd1_", "net_nd1_02_00_00_00_00_11"];
        Follower::start("C", both.client(C, side, &args))
    };
    let followers = [follow(&both.ours), follow(&both.theirs)];
    both.lab.run("ip", &["link", "del", "nd0"]);
    both.lab.settle();
    both.lab.run("ip", &["link", "del", "nd1"]);
    for follower in followers {
        assert_eq!(follower.end(), ["deleted net_nd1_02_00_00_00_00_11"]);
    }
}

/// How virsh is told to follow, and what is done meanwhile: it ends by itself after the first
/// event that it waits for.
const VIRSH: &[(&[&str], &str)] = &[
    (&["--event", "lifecycle"], "ip link del nd0"),
    (&["--event", "lifecycle", "--timestamp"], "ip link del nd0"),
    (&["--event", "lifecycle", "--loop", "--timeout", "2"], "ip link del nd0"),
    (&["--event", "update", "--device", WATCHED], UPDATE),
];

/// Changes that the document shows.
const UPDATE: &str = "for to in up down; do ip link set nd0 $to;
    udevadm trigger --settle --action=change /sys/class/net/nd0; done";
const WATCHED: &str = "net_nd0_02_00_00_00_00_10";
const ADD: &str = "ip link add nd0 address 02:00:00:00:00:10 type ifb";

#[test]
fn virsh_prints_of_our_events_what_it_prints_of_libvirts() {
    require!(tools());
    let both = Both::start();
    let options = [&[][..], &["-r"]];
    for (options, (event, done)) in options.iter().flat_map(|o| VIRSH.iter().map(move |v| (o, v))) {
        both.lab.run("bash", &["-c", ADD]);
        both.lab.settle();
        both.wait_until_listed(WATCHED);
        let start = |side: &Side| {
            let mut virsh = both.lab.command("virsh");
            virsh.args(*options).args(["-c", &side.uri(), "nodedev-event"]).args(*event);
            virsh.stdout(Stdio::piped()).spawn().unwrap()
        };
        let mut sides = [start(&both.ours), start(&both.theirs)];
        // virsh does not tell when it has begun to follow, so there is more until both have ended.
        let deadline = Instant::now() + PATIENCE;
        while sides.iter_mut().any(|side| side.try_wait().unwrap().is_none()) {
            assert!(Instant::now() < deadline, "{event:?}: virsh hears nothing");
            both.lab.run("bash", &["-c", done]);
            both.lab.run("bash", &["-c", &format!("[ -e /sys/class/net/nd0 ] || {ADD}")]);
            both.lab.settle();
        }
        let [ours, mut theirs] = sides.map(|side| what_was_told(side.wait_with_output().unwrap()));
        // Read while it comes or goes, an interface has no address in libvirt's name of it.
        theirs.retain(|line| !line.contains("net_nd#:"));
        assert_eq!(ours, theirs, "{event:?}: ours, then libvirt's");
        assert!(ours.iter().any(|line| line.contains("net_nd#")), "{event:?}: {ours:?}");
        both.lab.run("ip", &["link", "del", "nd0"]);
        both.wait_until_gone(WATCHED);
    }
}

/// The kinds of lines: how many there are, and which of two kinds came first, is a matter of when
/// each began to follow.
fn what_was_told(output: Output) -> BTreeSet<String> {
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.replace("Created", "KIND").replace("Deleted", "KIND");
    let mut lines: BTreeSet<_> = text.lines().map(without_numbers).collect();
    lines.insert(format!("{:?}", output.status.code()));
    lines
}

fn without_numbers(line: &str) -> String {
    let marked: String = line.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    marked.replace("##", "#").replace("##", "#")
}
