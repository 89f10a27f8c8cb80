//! Virtual ports of Fibre Channel hosts. The hosts are the two ends of one wire (FCoE, VN2VN).

use std::fs;
use std::path::PathBuf;

use crate::guest::{Guest, Wanted};
use crate::kernel::{command, settle};

const WWNN: &str = "2001001b32a90002";
const WWPN: &str = "2101001b32a90002";

/// The wire with a host at both ends. It stays when the test is over; no other test minds it.
fn wire() {
    command(&["modprobe", "fcoe"]);
    command(&["ip", "link", "add", "fc0", "type", "veth", "peer", "name", "fc1"]);
    for end in ["fc0", "fc1"] {
        fs::write("/sys/module/libfcoe/parameters/create_vn2vn", end).unwrap();
    }
    // Not before both are made.
    for end in ["fc0", "fc1"] {
        command(&["ip", "link", "set", end, "up"]);
    }
    settle();
}

/// The hosts of the wire, by number.
fn hosts() -> Vec<String> {
    let entries = fs::read_dir("/sys/class/fc_host").into_iter().flatten().flatten();
    let mut hosts: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    hosts.sort();
    hosts
}

fn attribute(host: &str, name: &str) -> String {
    let file = PathBuf::from("/sys/class/fc_host").join(host).join(name);
    fs::read_to_string(file).unwrap().trim().to_owned()
}

fn number(host: &str, name: &str) -> String {
    attribute(host, name).trim_start_matches("0x").to_owned()
}

/// A document that asks for a port below this parent.
fn document(guest: &Guest, parent: &str) -> String {
    let file = guest.folder().join("port.xml");
    let text = format!(
        "<device>{parent}<capability type='scsi_host'><capability type='fc_host'>\
         <wwnn>{WWNN}</wwnn><wwpn>{WWPN}</wwpn></capability></capability></device>"
    );
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A port is made below the parent that is named in one of the ways, found below the right host, and
/// removed; the parent counts its ports.
#[track_caller]
fn make_and_remove(guest: &Guest, parent: &str, expected: &str) {
    guest.follow();
    guest.virsh(&["nodedev-create", &document(guest, parent)]).ok();
    let devices = guest.devices();
    let names = [WWNN, WWPN].map(|name| format!(">{name}<"));
    let is_it = |text: &str| names.iter().all(|name| text.contains(name));
    let (port, made) = devices
        .iter()
        .find(|(_, device)| is_it(device["document"].as_str().unwrap()))
        .expect("the port is there as soon as the call has returned");
    assert_eq!(guest.next_of(port), "created");
    assert_eq!(made["parent"], expected);
    let of_parent = devices[expected]["document"].as_str().unwrap();
    assert!(of_parent.contains("<vports>1</vports>"), "{of_parent}");
    guest.virsh(&["nodedev-destroy", port]).ok();
    assert!(!guest.has(port), "it has gone as soon as the call has returned");
    while guest.next_of(port) != "deleted" {}
    assert!(guest.document(expected).contains("<vports>0</vports>"));
}

#[test]
fn a_vport_is_created_and_destroyed_below_a_host_chosen_in_each_way() {
    let guest = Guest::with(&Wanted::default());
    wire();
    let hosts = hosts();
    assert_eq!(hosts.len(), 2);
    guest.until("both hosts are there and can have ports", |guest| {
        let devices = guest.devices();
        hosts.iter().all(|host| {
            let device = devices.get(&format!("scsi_{host}"));
            device.is_some_and(|device| {
                attribute(host, "port_state") == "Online"
                    && device["document"].as_str().unwrap().contains("vport_ops")
            })
        })
    });
    let second = &hosts[1];
    let by_name = format!("<parent>scsi_{second}</parent>");
    make_and_remove(&guest, &by_name, &format!("scsi_{second}"));
    let by_wwn = format!(
        "<parent wwnn='{}' wwpn='{}'/>",
        number(second, "node_name"),
        number(second, "port_name")
    );
    make_and_remove(&guest, &by_wwn, &format!("scsi_{second}"));
    // This wire is a fabric of its own, the same for both: the smaller host is taken.
    let by_fabric = format!("<parent fabric_wwn='{}'/>", number(second, "fabric_name"));
    make_and_remove(&guest, &by_fabric, &format!("scsi_{}", hosts[0]));

    let nowhere = document(&guest, "<parent wwnn='1' wwpn='2'/>");
    let refused = guest.virsh(&["nodedev-create", &nowhere]);
    assert!(refused.stderr.contains("wwnn '1' and wwpn '2'"), "{refused:?}");
    let refused = guest.virsh(&["nodedev-destroy", &format!("scsi_{second}")]);
    assert!(refused.stderr.contains("is no virtual port"), "{refused:?}");
}
