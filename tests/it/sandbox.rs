//! The units as they are shipped, under the machine's own systemd: that the daemon knows no less in its
//! sandbox, and that the sandbox holds. Mediated devices in it: `e2e/zoo/sandbox.rs`.

use std::collections::BTreeMap;
use std::fs;

use nodedev_tests::command::run;
use nodedev_tests::require::{programs, require, root};
use nodedev_tests::systemd::{System, units};

const SERVICE: &str = "nodedevd.service";

#[test]
fn a_socket_starts_a_sandboxed_daemon_that_knows_all_that_one_without_a_sandbox_does() {
    require!(root());
    require!(programs(&["unshare", "nsenter", "systemctl", "virsh"]));
    let system = System::boot(&[]);
    let state = |system: &System| {
        run(system.command("systemctl").args(["is-active", SERVICE])).stdout.trim().to_owned()
    };
    assert_eq!(state(&system), "inactive", "nobody has asked it yet");
    system.run("ip", &["link", "add", "nd0", "address", "02:00:00:00:00:01", "type", "ifb"]);
    let virsh = |words: &str| system.run("virsh", &["-q", "-c", "nodedev:///system", words]);
    assert!(virsh("nodedev-list").contains("net_nd0_02_00_00_00_00_01"), "{}", system.log());
    assert_eq!(state(&system), "active");
    system.expect_same_with_and_without_sandbox();

    let status = system.run("sh", &["-c", "cat /proc/$(pidof nodedevd)/status"]);
    let has = |line: &str| status.lines().any(|told| told.split_whitespace().eq(line.split(' ')));
    assert!(has("Seccomp: 2") && has("NoNewPrivs: 1"), "no sandbox: {status}");
    // chown, dac_override, net_admin, sys_ptrace, sys_admin
    assert!(has("CapBnd: 0000000000281003"), "{status}");

    let process = || system.run("systemctl", &["show", "--value", "-p", "MainPID", SERVICE]);
    let before = process();
    system.run("systemctl", &["reload", SERVICE]);
    assert_eq!(process(), before, "a reload is no restart");
    system.run("systemctl", &["kill", "--signal=KILL", "--kill-who=main", SERVICE]);
    assert!(virsh("nodedev-list").contains("net_nd0_"), "it is there again: {}", system.log());
    assert_ne!(process(), before);
    system.run("systemctl", &["stop", SERVICE]);
    assert_eq!(state(&system), "inactive");
    assert!(virsh("nodedev-list").contains("net_nd0_"), "its sockets start it again");
    // By default systemd gives up at the sixth start within ten seconds, and the sockets with it.
    for kill in 1..=8 {
        system.run("systemctl", &["kill", "--signal=KILL", "--kill-who=main", SERVICE]);
        assert!(virsh("nodedev-list").contains("net_nd0_"), "{kill} kills: {}", system.log());
    }
}

/// Of what the probe tries, this is what the daemon needs.
const NEEDED: &[&str] = &[
    "define",
    "log",
    "write to a device",
    "listen on a socket",
    "netlink",
    "change an owner",
    "see processes",
    "run a callout script",
];

/// Run in the sandbox instead of the daemon: tries things, and tells of each whether it went.
const PROBE: &str = r#"#!/bin/bash
try() { if "${@:2}" >/dev/null 2>&1; then echo "$1: yes"; else echo "$1: no"; fi >>/run/nodedev/probe; }
put() { echo "$2" >"$1"; }
py() { python3 -I -c "$1"; }
# Where it cannot be written, nothing would be shown.
run_copy() { ! cp /bin/true "$1/probe.program" || "$1/probe.program"; }
# System calls with arguments that make them fail where they are not refused (EPERM) before.
unsure='import ctypes
def unless_refused(*words):
    assert ctypes.CDLL(None, use_errno=True).syscall(*words) == -1 and ctypes.get_errno() != 1
'
try 'define' put /etc/mdevctl.d/probe x
try 'log' put /var/log/nodedev/probe x
try 'write to a device' put /sys/devices/virtual/net/lo/uevent change
try 'listen on a socket' py 'import socket; socket.socket(socket.AF_UNIX).bind("/run/nodedev/probe.sock")'
try 'netlink' py 'import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15)'
try 'change an owner' chown nobody /etc/mdevctl.d/probe
try 'see processes' ls /proc/1/fd
try 'run a callout script' /etc/mdevctl.d/scripts.d/callouts/probe
try 'write a callout script' put /etc/mdevctl.d/scripts.d/callouts/probe2 x
try 'run what it wrote to /tmp' run_copy /tmp
try 'run what it wrote to /var/tmp' run_copy /var/tmp
try 'run what it wrote to /run' run_copy /run/nodedev
try 'run what it wrote to /var/log' run_copy /var/log/nodedev
try 'see memory that others share' test "$(readlink /proc/self/ns/ipc)" = "$(readlink /proc/1/ns/ipc)"
try 'listen on an address' py 'import socket; socket.create_server(("127.0.0.1", 0))'
try 'write to /usr' put /usr/probe x
try 'write to /etc' put /etc/probe x
try 'write to /var/lib' put /var/lib/probe x
try 'write to sysfs elsewhere' put /sys/module/kernel/parameters/panic 0
try 'write to a cgroup' mkdir /sys/fs/cgroup/probe
try 'write to /proc/sys' put /proc/sys/kernel/panic 0
try 'read homes' test -n "$(ls -A /root)"
try 'mount' mount -t tmpfs tmpfs /tmp
try 'unmount' umount /tmp
try 'make a name space' unshare --net true
try 'make a device' mknod /tmp/null c 1 3
try 'open a device for writing' put /dev/cpu_dma_latency 00000000
try 'read the kernel log' dmesg
try 'set the clock' py "$unsure"'import struct; unless_refused(227, 0, struct.pack("qq", 1, 2**40))'
try 'set the host name' hostname probe
try 'become another user' py 'import os; os.setuid(65534)'
try 'raise its priority' nice -n -40 python3 -I -c 'import os; assert os.nice(0) < 0'
try 'send raw packets' py 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'
try 'ping' py 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'
try 'make code' py 'import mmap; mmap.mmap(-1, 4096, prot=7)'
try 'make a file set-uid' chmod u+s /etc/mdevctl.d/probe
try 'load a module' py "$unsure"'unless_refused(313, -1, b"", 0)'
"#;

/// A callout script, as an administrator or a package puts it there.
const CALLOUT: &str = r#"
cd /etc/mdevctl.d
mkdir -p scripts.d/callouts
echo '#!/bin/sh' >scripts.d/callouts/probe
chmod +x scripts.d/callouts/probe
"#;

#[test]
fn whatever_runs_in_the_sandbox_can_do_what_the_daemon_needs_and_nothing_else() {
    require!(root());
    require!(programs(&["unshare", "nsenter", "systemctl", "python3"]));
    let service = fs::read_to_string(units().join(SERVICE)).unwrap();
    let unbound = "[Unit]\nDefaultDependencies=no\n[Service]\n";
    let system = System::boot(&[
        ("bound.service", &probing(&service)),
        ("unbound.service", &probing(unbound)),
    ]);
    fs::write(system.shared().join("probe"), PROBE).unwrap();
    system.run("chmod", &["+x", "/run/lab/probe"]);
    system.run("sh", &["-c", CALLOUT]);
    let tried = |unit| {
        system.run("systemctl", &["start", unit]);
        system.run("sh", &["-c", "cat /run/nodedev/probe; rm /run/nodedev/probe*"])
    };
    let told = tried("bound.service");
    let could: BTreeMap<_, _> = told.lines().filter_map(|line| line.split_once(": ")).collect();
    let is_right = |what: &str, could: &str| NEEDED.contains(&what) == (could == "yes");
    let wrong: Vec<_> = could.iter().filter(|(what, could)| !is_right(what, could)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(could.len(), PROBE.lines().filter(|line| line.starts_with("try '")).count());

    // What cannot be done anyway shows nothing.
    let told = tried("unbound.service");
    let refused: Vec<_> = told.lines().filter(|line| line.ends_with(": no")).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// That service, but for the daemon the probe.
fn probing(service: &str) -> String {
    let is_of_the_daemon = |line: &str| {
        ["After=", "Requires=", "Type=", "Sockets=", "Exec", "Watchdog", "Restart=", "Also="]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let kept = service.lines().filter(|line| !is_of_the_daemon(line)).map(|line| match line {
        "[Service]" => "[Service]\nType=oneshot\nExecStart=/run/lab/probe",
        line => line,
    });
    kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn it_serves_addresses_that_are_passed_and_listens_on_none_but_with_a_drop_in() {
    require!(root());
    require!(programs(&["unshare", "nsenter", "systemctl", "virsh"]));
    let socket = "[Socket]\nListenStream=127.0.0.1:16509\nService=nodedevd.service\n";
    let system = System::boot(&[
        ("nodedevd-tcp.socket", socket),
        ("nodedevd.service.d/tcp.conf", "[Service]\nSockets=nodedevd-tcp.socket\n"),
    ]);
    let configure = |settings: &str| {
        let script =
            format!("mkdir -p /etc/nodedev; echo '{settings}' >>/etc/nodedev/nodedevd.conf");
        system.run("sh", &["-c", &script]);
    };
    let list = || {
        let virsh = ["-q", "-c", "nodedev+tcp://127.0.0.1/system", "nodedev-list"];
        let ran = run(system.command("virsh").args(virsh));
        assert!(ran.stdout.contains("computer"), "{ran:?} {}", system.log());
    };
    configure("auth_tcp = \"none\"");
    system.run("systemctl", &["start", SERVICE]);
    list();

    configure("metrics_listen = \"127.0.0.1:9177\"");
    let restarted = run(system.command("systemctl").args(["restart", SERVICE]));
    assert_ne!(restarted.status, Some(0));
    assert!(system.log().contains("Address family not supported"), "{}", system.log());
    let drop_in = system.shared().join("units/nodedevd.service.d/metrics.conf");
    fs::write(drop_in, METRICS).unwrap();
    system.run("systemctl", &["daemon-reload"]);
    // It comes by itself, and what has been asked meanwhile is answered.
    list();
    let scrape =
        r#"exec 3<>/dev/tcp/127.0.0.1/9177; printf 'GET /metrics HTTP/1.1\r\n\r\n' >&3; cat <&3"#;
    assert!(system.run("bash", &["-c", scrape]).contains("nodedev_list_devices"));
}

/// As the page says.
const METRICS: &str =
    "[Service]\nRestrictAddressFamilies=AF_INET AF_INET6\nIPAddressAllow=localhost\n";

#[test]
fn the_unit_is_as_strict_as_the_page_says() {
    require!(programs(&["systemd-analyze"]));
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operating.md");
    // Wherever its lines break.
    let page = fs::read_to_string(page).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut analyze = std::process::Command::new("systemd-analyze");
    let analyze = analyze.args(["security", "--offline=true", "--no-pager"]);
    let told = run(analyze.arg(units().join(SERVICE))).ok();
    let figure = told.split("nodedevd.service: ").nth(1).unwrap().split(' ').next().unwrap();
    let stated = format!("gives the service an exposure of {figure} ");
    assert!(page.contains(&stated), "the page does not say `{stated}`");
}
