//! A recording of the machine with every kind of device, for whoever plays it outside.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedev_tests::command::nodedev;
use nodedev_tests::replayed::{Replayed, documents_of, virsh_documents};

use crate::guest::{Guest, Wanted};
use crate::kernel::{command, mdevctl, settle};
use crate::outside::{DOCUMENTS, RECORDING, share};

const RUNNING: &str = "11111111-2222-4333-8444-555555555555";
const DEFINED: &str = "22222222-2222-4333-8444-555555555555";

fn record(file: &str) -> Child {
    let mut child = Command::new(nodedev())
        .args(["record", "--follow", "--force", file])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("going on")), "it does not record");
    std::thread::spawn(move || said.count());
    child
}

#[test]
fn every_kind_of_device_is_recorded_while_some_change() {
    let guest = Guest::with(&Wanted { drivers: &["mtty"], ..Wanted::default() });
    let share = share().expect("`cargo xtask e2e` shares a folder");
    let file = share.join(RECORDING);
    let mut recording = record(file.to_str().unwrap());

    let before = guest.client().names().len();
    command(&["hmp", "device_add usb-mouse,id=recorded,bus=usb.0"]);
    command(&["bind-driver", "vfio-pci", "0000:02:00.0"]);
    mdevctl(&["define", "-u", DEFINED, "-p", "mtty", "-t", "mtty-1"]);
    mdevctl(&["start", "-u", RUNNING, "-p", "mtty", "-t", "mtty-2"]);
    command(&["hmp", "device_del recorded"]);
    settle();
    let name = |uuid: &str| format!("mdev_{}_mtty", uuid.replace('-', "_"));
    // One interface goes, two mediated devices come, the mouse has come and gone.
    guest.until("all has happened", |guest| {
        let names = guest.client().names();
        let has = |uuid: &str| names.contains(&name(uuid));
        names.len() == before + 1 && has(RUNNING) && has(DEFINED)
    });
    kill(Pid::from_raw(recording.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert!(recording.wait().unwrap().success());

    let documents = virsh_documents(&guest.uri());
    assert!(documents.len() > 60, "{:?}", documents.keys());
    let text = serde_json::to_string_pretty(&documents).unwrap();
    fs::write(share.join(DOCUMENTS), text).unwrap();
    // Here, too, but here they could be read.
    assert_eq!(documents_of(&file), documents);
    assert_eq!(Replayed::start(&file, &guest.folder().join("replayed")).documents(), documents);

    mdevctl(&["stop", "-u", RUNNING]);
    mdevctl(&["undefine", "-u", DEFINED, "-p", "mtty"]);
    command(&["bind-driver", "", "0000:02:00.0"]);
    guest.until("it is as before", |guest| guest.client().names().len() == before);
}
