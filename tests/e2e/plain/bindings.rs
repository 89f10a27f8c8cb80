//! The same life through python-libvirt and through `nodedev`.

use std::fs;
use std::process::Command;

use nodedev_tests::command::{nodedev, run};
use serde_json::json;

use crate::device::{MTTY, Mdev, State};
use crate::guest::Guest;
use crate::life::{self, Hands};

struct Python;

impl Python {
    fn on_device(guest: &Guest, mdev: &Mdev, method: &str, arguments: serde_json::Value) {
        guest.client().call_on(&mdev.name(), method, arguments).unwrap();
    }
}

impl Hands for Python {
    fn define(&self, guest: &Guest, mdev: &Mdev) {
        let name = guest.client().define(mdev);
        assert_eq!(name.unwrap(), mdev.name());
    }

    fn create(&self, guest: &Guest, mdev: &Mdev) {
        let name = guest.client().create(mdev);
        assert_eq!(name.unwrap(), mdev.name());
    }

    fn start(&self, guest: &Guest, mdev: &Mdev) {
        Self::on_device(guest, mdev, "create", json!([]));
    }

    fn stop(&self, guest: &Guest, mdev: &Mdev) {
        Self::on_device(guest, mdev, "destroy", json!([]));
    }

    fn undefine(&self, guest: &Guest, mdev: &Mdev) {
        Self::on_device(guest, mdev, "undefine", json!([]));
    }

    fn autostart(&self, guest: &Guest, mdev: &Mdev, on: bool) {
        Self::on_device(guest, mdev, "setAutostart", json!([i32::from(on)]));
    }
}

struct Nodedev;

impl Hands for Nodedev {
    fn define(&self, guest: &Guest, mdev: &Mdev) {
        let said = guest.nodedev(&["define", &mdev.file(guest)]).ok();
        assert_eq!(said.trim_end(), mdev.name());
    }

    fn create(&self, guest: &Guest, mdev: &Mdev) {
        let said = guest.nodedev(&["create", &mdev.file(guest)]).ok();
        assert_eq!(said.trim_end(), mdev.name());
    }

    fn start(&self, guest: &Guest, mdev: &Mdev) {
        guest.nodedev(&["start", &mdev.name()]).ok();
    }

    fn stop(&self, guest: &Guest, mdev: &Mdev) {
        guest.nodedev(&["stop", &mdev.name()]).ok();
    }

    fn undefine(&self, guest: &Guest, mdev: &Mdev) {
        guest.nodedev(&["undefine", &mdev.name()]).ok();
    }

    fn autostart(&self, guest: &Guest, mdev: &Mdev, on: bool) {
        let name = mdev.name();
        let words = ["autostart", &name, "--disable"];
        guest.nodedev(if on { &words[..2] } else { &words }).ok();
    }
}

#[test]
fn a_device_has_its_whole_life_through_python() {
    let guest = Guest::start();
    life::persistent(&guest, &Python, &MTTY);
}

#[test]
fn a_transient_device_has_its_whole_life_through_python() {
    let guest = Guest::start();
    life::transient(&guest, &Python, &MTTY);
}

#[test]
fn a_device_has_its_whole_life_through_nodedev() {
    let guest = Guest::start();
    life::persistent(&guest, &Nodedev, &MTTY);
}

/// The command runs the sources itself, as on a host without a daemon; the daemon sees what it did.
#[test]
fn a_transient_device_is_created_and_stopped_by_nodedev_without_a_daemon() {
    let guest = Guest::start();
    guest.follow();
    let file = guest.folder().join("any.xml");
    fs::write(&file, MTTY.document()).unwrap();
    let alone =
        |words: &[&str]| run(Command::new(nodedev()).args(["--connect", "none"]).args(words)).ok();
    let said = alone(&["create", file.to_str().unwrap()]);
    assert_eq!(said.trim_end(), MTTY.name());
    assert_eq!(guest.next_of(&MTTY.name()), "created");
    MTTY.expect(&guest, State::Transient);
    alone(&["stop", &MTTY.name()]);
    assert_eq!(guest.next_of(&MTTY.name()), "deleted");
    MTTY.expect(&guest, State::Absent);
}
