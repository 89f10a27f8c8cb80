//! The same devices and the same documents as libvirt's own daemon shows on the same host.

use std::collections::BTreeMap;
use std::path::Path;

use nodedev_tests::command::run;
use nodedev_tests::lab::Lab;
use nodedev_tests::mock::Mock;
use nodedev_tests::peer::{Peer, split};
use nodedev_tests::require::{mock_hosts, programs, require, root};

use crate::later::{is_judged_alike, without_later, written_alike};

const PEER: &[&str] = &["unshare", "libvirtd", "virsh", "mdevctl", "gcc"];

#[test]
fn this_host_has_the_devices_and_documents_that_libvirt_shows() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "libvirtd", "virsh", "mdevctl"]));
    let lab = Lab::start();
    let peer = Peer::start(&lab.folder().join("libvirt"), |program| lab.command(program));
    let theirs = peer.documents(&peer.names());
    let ours = split(&run(&mut lab.nodedev(&["dump", "--all-devices"])).ok());
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
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hosts");
    let hosts = compare_all(&fixtures);
    assert!(hosts > 0, "no host in {}", fixtures.display());
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

/// Compares every host of a folder, and tells how many there were.
fn compare_all(folder: &Path) -> usize {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "umockdev"));
    files.sort();
    for file in &files {
        let mock = Mock::load(file);
        let peer =
            Peer::start(&mock.folder().join("libvirt"), |program| mock.peer_command(program));
        let (version, theirs) = (Peer::version(), peer.documents(&peer.names()));
        let theirs = judged_alike(&version, theirs);
        let ours = split(&run(&mut mock.nodedev(&["dump", "--all-devices"])).ok());
        let ours = judged_alike(&version, ours);
        eprintln!("{}: {} devices", file.display(), ours.len());
        compare(&ours, &theirs);
    }
    files.len()
}

fn judged_alike(version: &str, side: BTreeMap<String, String>) -> BTreeMap<String, String> {
    side.into_iter()
        .filter(|(name, _)| is_judged_alike(version, name))
        .map(|(name, document)| (name, written_alike(version, &document)))
        .collect()
}

/// Names and documents, byte for byte once what is still to come is out of both.
#[track_caller]
pub(crate) fn compare(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) {
    let names = |side: &BTreeMap<String, String>| side.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs), "ours, then libvirt's");
    for (name, document) in ours {
        assert_eq!(without_later(document), without_later(&theirs[name]), "ours, then libvirt's");
    }
}
