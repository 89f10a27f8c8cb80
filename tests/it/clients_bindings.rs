//! Every binding of libvirt that Debian ships, unchanged, against our daemon and against libvirt's.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use nodedev_tests::command::{Ran, run};
use nodedev_tests::peer::split;
use nodedev_tests::require::require;

use crate::clients::{C, Client, GO, GOBJECT, OCAML, PERL, PHP, PYTHON, RUBY};
use crate::clients_both::{Both, Side, tools};
use crate::clients_differences::without_differences;
use crate::parity::compare;

/// The bindings that have calls for node devices.
const WITH_NODE_DEVICES: &[Client] = &[C, PYTHON, PERL, GO, RUBY, PHP];

#[test]
fn every_binding_lists_and_dumps_what_libvirt_shows() {
    require!(tools());
    require!(all_available(WITH_NODE_DEVICES));
    let both = Both::start();
    for client in WITH_NODE_DEVICES {
        let (ours, theirs) = both.ask(*client, &["list"]);
        let (ours, theirs) = (ours.ok(), theirs.ok());
        assert_eq!(ours, theirs, "{}", client.name);
        let mut dump = vec!["dump"];
        dump.extend(ours.lines());
        assert!(dump.len() > 2, "{}: {ours}", client.name);
        let (ours, theirs) = both.ask(*client, &dump);
        compare(&split(&ours.ok()), &split(&theirs.ok()));
    }
}

#[test]
fn bindings_without_node_devices_open_and_close() {
    require!(tools());
    require!(all_available(&[OCAML, GOBJECT]));
    let both = Both::start();
    for client in [OCAML, GOBJECT] {
        let (ours, theirs) = both.ask(client, &[]);
        assert_eq!(ours.ok(), theirs.ok(), "{}", client.name);
    }
}

#[test]
fn every_call_in_c_is_answered_as_libvirt_answers_it() {
    require!(tools());
    let both = Both::start();
    let names = both.ask(C, &["list"]).0.ok();
    let mut device = vec!["device", "absent"];
    device.extend(names.lines());
    for verb in [&["connection"][..], &["uri"], &["lists"], &device, &["refusals"]] {
        let (ours, theirs) = both.ask(C, verb);
        assert_alike(&ours, &theirs);
    }
    for name in names.lines() {
        let (ours, theirs) = both.ask(C, &["calls", name]);
        assert_alike(&ours, &theirs);
    }
}

#[test]
fn a_read_only_client_is_answered_as_libvirt_answers_it() {
    require!(tools());
    let both = Both::start();
    let ask = |args: &[&str]| both.told(run(&mut both.client_at(C, args[0], &args[1..])));
    for verb in [&["connection"][..], &["lists"], &["refusals"], &["calls", "computer"]] {
        // The flag lets the library itself refuse.
        let by_flag = |side: &Side| ask(&[&["-r", &side.uri()], verb].concat());
        assert_alike(&by_flag(&both.ours), &by_flag(&both.theirs));
        // Over the read-only socket the daemon has to.
        let by_socket = |side: &Side| ask(&[&[side.read_only_uri().as_str()], verb].concat());
        let (mut ours, mut theirs) = (by_socket(&both.ours), by_socket(&both.theirs));
        // Up to libvirt 10 this question counts as a change. Since then it does not.
        for ran in [&mut ours, &mut theirs] {
            ran.stdout = without_lines(&ran.stdout, "virNodeDeviceGetAutostart(");
        }
        assert_alike(&ours, &theirs);
    }
}

fn without_lines(output: &str, start: &str) -> String {
    let lines = output.lines().filter(|line| !line.starts_with(start));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_call_in_python_is_answered_as_libvirt_answers_it() {
    require!(tools());
    require!(PYTHON.available());
    let both = Both::start();
    let names = both.ask(C, &["list"]).0.ok();
    let mut calls = vec!["calls"];
    calls.extend(names.lines());
    let (ours, theirs) = both.ask(PYTHON, &calls);
    assert_alike(&ours, &theirs);
}

#[test]
fn calls_on_a_device_that_has_gone_are_answered_as_libvirt_answers_them() {
    require!(tools());
    let both = Both::with(|lab| {
        let mac = ["address", "02:00:00:00:00:01"];
        lab.run("ip", &[&["link", "add", "nodedevgone"], &mac[..], &["type", "ifb"]].concat());
        lab.settle();
    });
    let calls = |side: &Side| {
        let mut command = both.client(C, side, &["calls", "net_nodedevgone_02_00_00_00_00_01"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "found");
        (child, lines)
    };
    let mut clients = [calls(&both.ours), calls(&both.theirs)];
    both.lab.run("ip", &["link", "del", "nodedevgone"]);
    both.wait_until_gone("nodedevgone");
    let [ours, theirs] = clients.each_mut().map(|(child, lines)| {
        child.stdin.take().unwrap().write_all(b"gone\n").unwrap();
        let lines: Vec<_> = lines.map(Result::unwrap).collect();
        assert!(child.wait().unwrap().success());
        without_differences(&lines.join("\n"))
    });
    assert_eq!(ours, theirs, "ours, then libvirt's");
    assert!(ours.contains("no node device with matching name"), "{ours}");
}

fn all_available(clients: &[Client]) -> Result<(), String> {
    clients.iter().try_for_each(|client| client.available())
}

#[track_caller]
pub(crate) fn assert_alike(ours: &Ran, theirs: &Ran) {
    let plain = |ran: &Ran| {
        format!(
            "{}stderr: {}status: {:?}",
            without_differences(&ran.stdout),
            without_differences(&ran.stderr),
            ran.status
        )
    };
    let (ours, theirs) = (plain(ours), plain(theirs));
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs, "ours, then libvirt's");
    }
    assert_eq!(ours, theirs, "ours, then libvirt's");
}
