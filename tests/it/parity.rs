//! The same devices and the same documents as libvirt's own daemon shows on the same host.
//!
//! `cargo xtask parity` compares the daemons to the last answer; here it is the documents that the
//! command `nodedev` prints beside the libvirt that is installed, and that a comparison sees what
//! differs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nodedev_tests::command::{nodedevd, run};
use nodedev_tests::lab::Lab;
use nodedev_tests::mock::Mock;
use nodedev_tests::parity::dump::{Device, Dump};
use nodedev_tests::parity::hosts::Host;
use nodedev_tests::parity::intended::HOST_UUID;
use nodedev_tests::parity::{Options, compare::compare as compare_dumps, report};
use nodedev_tests::peer::{Peer, split};
use nodedev_tests::require::{mock_hosts, programs, require, root};

/// With the uuid that libvirt's daemon is given too: without one it makes one up at each start.
const DUMP: &[&str] = &["dump", "--all-devices", "--host-uuid", HOST_UUID];

const PEER: &[&str] = &["unshare", "libvirtd", "virsh", "mdevctl", "gcc"];

#[test]
fn this_host_has_the_devices_and_documents_that_libvirt_shows() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "libvirtd", "virsh", "mdevctl"]));
    let lab = Lab::start();
    let folder = lab.folder().join("libvirt");
    let peer = Peer::with_config(&folder, &host_uuid(), |program| lab.command(program));
    let theirs = peer.documents(&peer.names());
    let ours = split(&run(&mut lab.nodedev(DUMP)).ok());
    assert!(ours.len() > 1, "only {:?}", ours.keys());
    compare(&ours, &theirs);

    let listed = run(&mut lab.nodedev(&["list", "--all"])).ok();
    assert_eq!(listed.lines().collect::<Vec<_>>(), peer.names());
}

#[test]
fn a_mock_host_has_the_devices_and_documents_that_libvirt_shows() {
    require!(root());
    require!(programs(PEER));
    require!(mock_hosts());
    let hosts = compare_all(&fixtures());
    assert!(hosts > 0, "no host in {}", fixtures().display());
}

#[test]
fn each_host_of_the_given_folder_has_what_libvirt_shows() {
    let Some(folder) = std::env::var_os("NODEDEV_HOSTS") else {
        eprintln!("skipped: NODEDEV_HOSTS names no folder of further hosts");
        return;
    };
    require!(root());
    require!(programs(PEER));
    require!(mock_hosts());
    let hosts = compare_all(Path::new(&folder));
    assert!(hosts > 0, "no host in {}", folder.display());
}

/// Our daemon is shown another host than libvirt's: one without a device, with one more, and with
/// one that is not the same.
#[test]
fn the_comparison_of_the_daemons_is_not_blind() {
    require!(root());
    require!(programs(&[PEER, &["setpriv", "nsenter", "xmllint"]].concat()));
    require!(mock_hosts());
    let folder = tempfile::tempdir().unwrap();
    let host = fixtures().join("every-kind.umockdev");
    let other = folder.path().join("other.umockdev");
    let text = fs::read_to_string(&host).unwrap();
    let changed = text.replacen("A: vendor=0x8086", "A: vendor=0x8087", 1);
    assert_ne!(changed, text, "{} has a function of this vendor", host.display());
    let (kept, gone) = changed.split_once("P: /devices/").unwrap();
    let records: Vec<_> = gone.split("\nP: /devices/").collect();
    let generic = |record: &&str| record.contains("SUBSYSTEM=scsi_generic");
    let left: Vec<_> = records.iter().copied().filter(|record| !generic(record)).collect();
    assert_eq!(left.len() + 1, records.len(), "{} has one such device", host.display());
    let more = "P: /devices/virtual/net/more0\nE: SUBSYSTEM=net\nE: INTERFACE=more0\nE: IFINDEX=77\n\
                A: operstate=down\\n\nA: address=02:00:00:00:00:77\\n\nA: addr_len=6\\n\n";
    fs::write(&other, format!("{kept}P: /devices/{}\n{more}", left.join("\nP: /devices/")))
        .unwrap();
    let mock = Mock::load(&other);
    let daemon = folder.path().join("daemon");
    let script = format!(
        "#!/bin/sh\nUMOCKDEV_DIR={} exec {} \"$@\"\n",
        mock.host().root().display(),
        nodedevd().display()
    );
    fs::write(&daemon, script).unwrap();
    fs::set_permissions(&daemon, fs::Permissions::from_mode(0o755)).unwrap();

    let compared = |daemon: &Path| {
        let hosts = vec![Host::File(host.clone())];
        let options = Options { hosts, root: None, daemon: daemon.to_owned(), jobs: 1 };
        nodedev_tests::parity::run(&options, &|_| ())
    };
    let reports = compared(&daemon);
    let outcome = reports[0].outcome.as_ref().unwrap();
    let comparison = &outcome.comparison;
    assert_eq!(report::status(&reports), 1, "{comparison:#?}");
    assert_eq!(comparison.missing.len(), 1, "{comparison:#?}");
    assert!(comparison.missing.iter().all(|name| name.starts_with("scsi_generic_")));
    assert_eq!(comparison.extra, ["net_more0_02_00_00_00_00_77".to_owned()].into());
    let vendor = |text: &&String| text.contains("-    <vendor id='0x8086'");
    assert_eq!(comparison.differing.values().filter(vendor).count(), 1, "{comparison:#?}");

    let reports = compared(&nodedevd());
    assert_eq!(report::status(&reports), 0, "{}", report::text(&reports, 10));
}

fn host_uuid() -> String {
    format!("host_uuid = \"{HOST_UUID}\"\n")
}

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hosts")
}

/// Compares every host of a folder, and tells how many there were.
fn compare_all(folder: &Path) -> usize {
    let hosts = Host::of_path(folder).unwrap();
    for host in &hosts {
        let Host::File(file) = host else { panic!("{host:?} is no file") };
        let mock = Mock::load(file);
        let folder = mock.folder().join("libvirt");
        let enter = |program: &str| mock.peer_command(program);
        let peer = Peer::with_config(&folder, &host_uuid(), enter);
        let theirs = peer.documents(&peer.names());
        let ours = split(&run(&mut mock.nodedev(DUMP)).ok());
        eprintln!("{}: {} devices", file.display(), ours.len());
        compare(&ours, &theirs);
    }
    hosts.len()
}

/// Names and documents, but for what differs on purpose.
#[track_caller]
pub(crate) fn compare(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) {
    let dump = |side: &BTreeMap<String, String>| Dump {
        devices: side
            .iter()
            .map(|(name, live)| (name.clone(), Device { live: live.clone(), ..Device::default() }))
            .collect(),
        ..Dump::default()
    };
    let comparison = compare_dumps(&Peer::version(), &dump(theirs), &dump(ours));
    assert!(comparison.is_clean(), "{comparison:#?}");
}
