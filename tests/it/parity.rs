//! The same devices and the same documents as libvirt's own daemon shows on the same host.

use std::collections::BTreeMap;

use crate::command::run;
use crate::lab::Lab;
use crate::later::without_later;
use crate::peer::{Peer, split};
use crate::require::{programs, require, root};

#[test]
fn this_host_has_the_devices_and_documents_that_libvirt_shows() {
    require!(root());
    require!(programs(&[
        "unshare",
        "systemd-udevd",
        "libvirtd",
        "virsh",
        "mdevctl"
    ]));
    let lab = Lab::start();
    let peer = Peer::start(&lab.folder().join("libvirt"), |program| {
        lab.command(program)
    });
    let theirs = peer.documents(&peer.names());
    let ours = split(&run(&mut lab.nodedev(&["dump", "--all-devices"])).ok());
    assert!(ours.len() > 1, "only {:?}", ours.keys());
    compare(&ours, &theirs);

    let listed = run(&mut lab.nodedev(&["list", "--all"])).ok();
    assert_eq!(listed.lines().collect::<Vec<_>>(), peer.names());
}

/// Names and documents, byte for byte once what is still to come is out of both.
#[track_caller]
pub(crate) fn compare(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) {
    let names = |side: &BTreeMap<String, String>| side.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs), "ours, then libvirt's");
    for (name, document) in ours {
        assert_eq!(
            without_later(document),
            without_later(&theirs[name]),
            "ours, then libvirt's"
        );
    }
}
