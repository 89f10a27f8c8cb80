//! Every command of virsh for node devices, with what it prints, complains of and returns.

use std::fs;

use nodedev_tests::command::{Ran, run};
use nodedev_tests::parity::CAPABILITIES;
use nodedev_tests::peer::split;
use nodedev_tests::require::require;

use crate::clients_bindings::assert_alike;
use crate::clients_both::{Both, Side, tools};
use crate::parity::compare;

/// What only asks, and what neither daemon does, on the host of the laboratory.
const COMMANDS: &[&str] = &[
    "nodedev-list",
    "nodedev-list --tree",
    "nodedev-list --all",
    "nodedev-list --inactive",
    "nodedev-list --persistent",
    "nodedev-list --transient",
    "nodedev-list --cap net,system",
    "nodedev-list --cap nonsense",
    "nodedev-list --tree --cap net",
    "nodedev-list --all --cap pci",
    "nodedev-info absent",
    "nodedev-dumpxml absent",
    "nodedev-dumpxml computer --inactive",
    "nodedev-event --list",
    "nodedev-event --event nonsense",
    "nodedev-event --device absent --event lifecycle",
    "nodedev-detach computer",
    "nodedev-detach computer --driver vfio",
    "nodedev-detach absent",
    "nodedev-reattach computer",
    "nodedev-reattach absent",
    "nodedev-reset computer",
    "nodedev-reset absent",
    "nodedev-destroy computer",
    "nodedev-destroy net_lo_00_00_00_00_00_00",
    "nodedev-destroy absent",
    "nodedev-undefine computer",
    "nodedev-undefine net_lo_00_00_00_00_00_00",
    "nodedev-undefine absent",
    "nodedev-start computer",
    "nodedev-start net_lo_00_00_00_00_00_00",
    "nodedev-start absent",
    "nodedev-autostart computer",
    "nodedev-autostart net_lo_00_00_00_00_00_00 --disable",
    "nodedev-autostart absent",
    "uri",
    "hostname",
    "capabilities",
    "sysinfo",
    "nodeinfo",
    "list --all",
    "net-list --all",
    "pool-list --all",
    "iface-list",
    "nwfilter-list",
    "secret-list",
];

const NET: &str =
    "<device><name>x</name><capability type='net'><interface>x</interface></capability></device>";

/// Documents that no daemon takes.
const DOCUMENTS: &[(&str, Wrong, &str)] = &[
    ("empty", Wrong::NoXml, ""),
    ("text", Wrong::NoXml, "no document"),
    ("open", Wrong::NoXml, "<device>"),
    ("domain", Wrong::NoMediatedDevice, "<domain/>"),
    ("net", Wrong::NoMediatedDevice, NET),
];

#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    NoXml,
    NoMediatedDevice,
}

fn virsh(both: &Both, uri: &str, options: &[&str], command: &str) -> Ran {
    let mut virsh = both.lab.command("virsh");
    virsh.args(["-c", uri]).args(options).args(command.split_whitespace());
    both.told(run(&mut virsh))
}

#[track_caller]
fn assert_same(both: &Both, options: &[&str], command: &str) {
    let ask = |side: &Side| virsh(both, &side.uri(), options, command);
    eprintln!("virsh {options:?} {command}");
    assert_alike(&ask(&both.ours), &ask(&both.theirs));
}

#[test]
fn virsh_says_of_our_daemon_what_it_says_of_libvirts() {
    require!(tools());
    let both = Both::start();
    for command in COMMANDS {
        assert_same(&both, &[], command);
        assert_same(&both, &["-r"], command);
    }
    for capability in CAPABILITIES {
        assert_same(&both, &[], &format!("nodedev-list --cap {capability}"));
    }
}

#[test]
fn virsh_shows_each_device_of_our_daemon_as_of_libvirts() {
    require!(tools());
    let both = Both::start();
    for options in [&[][..], &["-r"]] {
        let names = virsh(&both, &both.ours.uri(), options, "nodedev-list --all").ok();
        let names: Vec<_> = names.split_whitespace().collect();
        assert!(names.len() > 1, "{names:?}");
        for name in &names {
            assert_same(&both, options, &format!("nodedev-info {name}"));
        }
        let dump = |side: &Side| {
            let documents = names
                .iter()
                .map(|name| virsh(&both, &side.uri(), options, &format!("nodedev-dumpxml {name}")));
            split(&documents.map(Ran::ok).collect::<String>())
        };
        compare(&dump(&both.ours), &dump(&both.theirs));
    }
}

#[test]
fn virsh_is_refused_bad_documents_as_by_libvirt() {
    require!(tools());
    let both = Both::start();
    for (name, kind, document) in DOCUMENTS {
        let file = both.lab.folder().join(format!("{name}.xml"));
        fs::write(&file, document).unwrap();
        for verb in ["nodedev-define", "nodedev-create"] {
            let command = format!("{verb} {}", file.display());
            let ask = |side: &Side| virsh(&both, &side.uri(), &[], &command);
            let (mut ours, mut theirs) = (ask(&both.ours), ask(&both.theirs));
            if *kind == Wrong::NoXml {
                // The number says that it is no XML; what is wrong with it is in our own words.
                for ran in [&mut ours, &mut theirs] {
                    ran.stderr = ran.stderr.lines().next().unwrap().to_owned();
                }
            }
            assert_alike(&ours, &theirs);
        }
        assert_same(&both, &["-r"], &format!("nodedev-define {}", file.display()));
    }
}

#[test]
fn virsh_over_the_read_only_socket_may_ask_and_change_nothing() {
    require!(tools());
    let both = Both::start();
    let file = both.lab.folder().join("some.xml");
    fs::write(&file, NET).unwrap();
    let documents = ["nodedev-define", "nodedev-create"];
    let documents = documents.map(|verb| format!("{verb} {}", file.display()));
    for command in COMMANDS.iter().copied().chain(documents.iter().map(String::as_str)) {
        eprintln!("virsh {command}");
        let ask = |side: &Side| virsh(&both, &side.read_only_uri(), &[], command);
        assert_alike(&ask(&both.ours), &ask(&both.theirs));
    }
}

/// Its versions are its own, and that a hypervisor has none is what libvirt's daemon says as well.
#[test]
fn virsh_version_ends_alike() {
    require!(tools());
    let both = Both::start();
    let ask = |side: &Side| virsh(&both, &side.uri(), &[], "version");
    let (ours, theirs) = (ask(&both.ours), ask(&both.theirs));
    assert_eq!((&ours.stderr, ours.status), (&theirs.stderr, theirs.status));
    assert_eq!(ours.stdout.lines().count(), theirs.stdout.lines().count(), "{ours:?} {theirs:?}");
}
