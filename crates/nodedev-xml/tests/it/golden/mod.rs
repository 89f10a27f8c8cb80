//! Devices and their documents, which are the files in `documents`: one test per kind and
//! peculiarity. Every document is also read and written again.

mod drm;
mod mdev;
mod net;
mod pci;
mod s390;
mod scsi;
mod storage;
mod system;
mod usb;
mod vdpa;

use std::fs;
use std::path::PathBuf;

use nodedev_types::{Device, DeviceId, MdevType};
use nodedev_xml::{Form, read, write, write_to};

use crate::device::{Composer, device, of_document};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/documents")
}

/// The device prints as the file of that name.
fn check(name: &str, device: &Device, form: Form) {
    let path = folder().join(name).with_extension("xml");
    let expected =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let printed = write(device, form);
    assert_eq!(printed, expected, "{name}: printed {printed}");
}

fn check_live(name: &str, composer: Composer) {
    check(name, &composer.build(), Form::Live);
}

#[test]
fn every_document_is_read_and_written_again() {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let document = read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let form = document.form;
        assert_eq!(write(&of_document(document), form), text, "{}", path.display());
        names.push(path);
    }
    assert!(names.len() >= 30, "only {names:?}");
}

fn mdev_type(id: &str, name: Option<&str>, available_instances: u64) -> MdevType {
    MdevType {
        id: id.to_owned(),
        name: name.map(str::to_owned),
        device_api: "vfio-pci".to_owned(),
        available_instances,
    }
}

#[test]
fn a_device_without_a_capability_has_no_such_element() {
    let slot = device("acme_slot_7", DeviceId::foreign("acme", "slot 7"));
    check_live("foreign-without-capability", slot);
}

#[test]
fn a_buffer_is_appended_to() {
    let slot = device("acme_slot_7", DeviceId::foreign("acme", "slot 7")).build();
    let mut text = String::from("before\n");
    write_to(&mut text, &slot, Form::Live);
    assert_eq!(text, format!("before\n{}", write(&slot, Form::Live)));
}
