//! Devices that are plugged in and pulled out, seen by a client that follows events.

use crate::guest::{Guest, Wanted};
use crate::kernel::{command, settle};

/// What is plugged in: QEMU's commands for it, its name there, and the capabilities of the devices
/// that this makes.
struct Plug {
    orders: &'static [&'static str],
    id: &'static str,
    capabilities: &'static [&'static str],
}

const PLUGS: &[Plug] = &[
    Plug {
        orders: &["device_add usb-mouse,id=plugged-usb,bus=usb.0"],
        id: "plugged-usb",
        capabilities: &["usb", "usb_device"],
    },
    Plug {
        orders: &["device_add virtio-rng-pci,id=plugged-pci,bus=port3"],
        id: "plugged-pci",
        capabilities: &["pci"],
    },
    Plug {
        orders: &[
            "drive_add 0 if=none,id=blank-plugged,driver=null-co,size=16M",
            "device_add scsi-hd,id=plugged-scsi,bus=scsi.0,drive=blank-plugged,scsi-id=5,serial=SCSI5",
        ],
        id: "plugged-scsi",
        capabilities: &["scsi", "scsi_generic", "scsi_target", "storage"],
    },
];

/// The capability of each device that has come since, once there are so many.
#[track_caller]
fn capabilities_of_new(guest: &Guest, before: &[String], count: usize) -> Vec<String> {
    guest.until(&format!("there are {count} more"), |guest| {
        guest.client().names().len() == before.len() + count
    });
    let names = guest.client().names().into_iter();
    let new = names.filter(|name| !before.contains(name));
    let mut capabilities: Vec<_> = new.map(|name| capability(&guest.document(&name))).collect();
    capabilities.sort();
    capabilities
}

fn capability(document: &str) -> String {
    let capability = document.split("<capability type='").nth(1).unwrap();
    capability.split('\'').next().unwrap().to_owned()
}

fn plug_in(plugs: &[Plug]) {
    for order in plugs.iter().flat_map(|plug| plug.orders) {
        command(&["hmp", order]);
    }
}

fn pull_out(plugs: &[Plug]) {
    for plug in plugs {
        command(&["hmp", &format!("device_del {}", plug.id)]);
    }
}

/// Plugs these in and pulls them out again; after both, who follows knows the list.
#[track_caller]
fn plug_in_and_pull_out(guest: &Guest, plugs: &[Plug]) {
    let before = guest.client().names();
    let mut expected: Vec<_> = plugs.iter().flat_map(|plug| plug.capabilities).collect();
    expected.sort();
    plug_in(plugs);
    assert!(capabilities_of_new(guest, &before, expected.len()).iter().eq(expected));
    settle();
    guest.until_followed();
    pull_out(plugs);
    guest.until("they have gone", |guest| guest.client().names() == before);
    settle();
    guest.until_followed();
}

#[test]
fn who_follows_events_knows_the_list_whatever_is_plugged_in_and_pulled_out() {
    let guest = Guest::with(&Wanted::default());
    guest.follow();
    for plug in PLUGS {
        plug_in_and_pull_out(&guest, std::slice::from_ref(plug));
    }
    plug_in_and_pull_out(&guest, PLUGS);
    guest.expect_as_freshly_started();
}
