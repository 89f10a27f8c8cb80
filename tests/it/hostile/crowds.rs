//! Many clients, clients that do not read, and clients that die.

use std::collections::BTreeSet;
use std::thread;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nodedev_rpc::{
    DeviceFlagsArgs, EventKind, EventRegisterArgs, Frame, Header, Keepalive, ListAllArgs,
    MessageType, NodeDevice, procedures,
};

use super::host::Host;
use super::witness::Witness;
use nodedev_tests::wire::{Client, until};

/// What the server may use at most in these tests, a debug build with its own code included.
const MEMORY: u64 = 192 << 10;

fn list_call(serial: u32) -> Vec<u8> {
    let args = ListAllArgs { need_results: 1, flags: 0 };
    Frame::bytes_of(&Header::call(285, serial), &args).unwrap()
}

fn document_call(serial: u32) -> Vec<u8> {
    let args = DeviceFlagsArgs { name: "net_eth0_".to_owned(), flags: 0 };
    Frame::bytes_of(&Header::call(114, serial), &args).unwrap()
}

#[track_caller]
fn assert_small(host: &mut Host, after: &str) {
    let peak = host.peak_memory();
    eprintln!("{after}: the server used {peak} KiB at most");
    assert!(peak < MEMORY, "{after}: {peak} KiB");
    host.assert_well();
}

#[test]
fn who_does_not_read_is_not_listened_to_and_then_left() {
    let mut host = Host::start(64);
    let witness = Witness::start(&host.socket(), "net_eth0_");
    let ping = Frame::bytes_of(&Keepalive::Ping.header(), &()).unwrap();
    let refused = Frame::bytes_of(&Header::call(999, 0), &()).unwrap();
    let most = 4 << 20;
    for (what, frame) in [("pings", ping), ("calls of nothing", refused), ("lists", list_call(0))] {
        let mut client = Client::open(&host.socket(), 0);
        let sent = client.fill(&frame.repeat(1000), most);
        eprintln!("{what}: {sent} bytes were taken");
        assert!(sent < most, "{what} are read for ever though nothing of theirs is");
        client.until_left();
    }
    witness.finish("clients that do not read");
    assert_small(&mut host, "clients that do not read");
}

#[test]
fn events_that_nobody_reads_are_put_together_and_read_at_last() {
    let mut host = Host::start(64);
    let mut deaf: Vec<_> = (0..50).map(|_| Client::open(&host.socket(), 0)).collect();
    let mut listening = Client::open(&host.socket(), 0);
    for client in deaf.iter_mut().chain([&mut listening]) {
        for event in [EventKind::Lifecycle, EventKind::Update] {
            let args = EventRegisterArgs { event, device: None };
            client.call::<procedures::ConnectNodeDeviceEventRegisterAny>(&args).unwrap();
        }
    }
    let witness = Witness::start(&host.socket(), "net_eth0_");
    let listener = thread::spawn(move || {
        let mut last = BTreeSet::new();
        loop {
            let event = listening.frame();
            if event.header.kind == MessageType::Message && event.header.procedure == 376 {
                let told: nodedev_rpc::LifecycleEvent =
                    nodedev_rpc::from_payload(&event.payload).unwrap();
                let appeared = told.event == nodedev_rpc::Lifecycle::Created;
                let name = told.device.name;
                let changed = if appeared { last.insert(name.clone()) } else { last.remove(&name) };
                assert!(changed, "{name} came or went twice");
                if name == "net_the_end_" {
                    return last.len();
                }
            }
        }
    });
    host.order("churn 500 20");
    host.order("add the-end");
    assert_eq!(listener.join().unwrap(), 1, "all others have gone again");
    witness.finish("20,000 events for 50 clients that do not read");
    assert_small(&mut host, "20,000 events for 50 clients that do not read");
}

/// Lets this process and the server that it starts have many descriptors.
fn descriptors() -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    }
    usize::try_from(hard).unwrap_or(usize::MAX)
}

#[test]
fn five_thousand_clients_at_once() {
    let most = descriptors().saturating_sub(200).min(5000);
    let mut host = Host::start(64);
    let witness = Witness::start(&host.socket(), "net_eth0_");
    let mut crowd: Vec<_> = (1..most).map(|_| Client::open(&host.socket(), 0)).collect();
    crowd.iter_mut().for_each(|client| client.send(&list_call(1)).unwrap());
    for client in &mut crowd {
        assert_eq!(client.frame().header.serial, 1);
    }
    eprintln!("{} clients at once", crowd.len() + 1);
    crowd.iter_mut().for_each(|client| client.send(&document_call(2)[..20]).unwrap());
    drop(crowd);
    witness.finish("5,000 clients, who then die within a frame");
    assert_small(&mut host, "5,000 clients");
}

#[test]
fn clients_that_die_at_any_moment() {
    let mut host = Host::start(64);
    let witness = Witness::start(&host.socket(), "net_eth0_");
    host.order("hang");
    let socket = host.socket();
    let threads: Vec<_> = (0..4_usize)
        .map(|which| {
            let socket = socket.clone();
            thread::spawn(move || {
                for round in 0..300_usize {
                    match which {
                        0 => drop(Client::connect(&socket)),
                        1 => {
                            let mut client = Client::connect(&socket);
                            let _ = client.send(&document_call(0)[..round % 40]);
                        }
                        2 => {
                            let mut client = Client::open(&socket, 0);
                            let _ = client.send(&document_call(1).repeat(8));
                        }
                        _ => {
                            let mut client = Client::open(&socket, 0);
                            let _ = client.send(&list_call(1).repeat(8));
                            client.frame();
                        }
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    host.order("answer");
    witness.finish("1,200 clients that die");
    let mut client = Client::open(&host.socket(), 0);
    client.send(&document_call(1)).unwrap();
    assert_eq!(client.frame().header.serial, 1);
    assert_small(&mut host, "1,200 clients that die");
}

#[test]
fn a_hundred_calls_in_one_go_are_each_answered_once() {
    let mut host = Host::start(64);
    let mut client = Client::open(&host.socket(), 0);
    let calls: Vec<_> = (1000..1100).map(document_call).collect();
    client.send(&calls.concat()).unwrap();
    let answered: BTreeSet<_> = (0..100).map(|_| client.frame().header.serial).collect();
    assert_eq!(answered, (1000..1100).collect());
    host.assert_well();
}

#[test]
fn pings_are_answered_while_all_calls_that_may_run_hang() {
    let mut host = Host::start(64);
    host.order("hang");
    let mut client = Client::open(&host.socket(), 0);
    client.send(&(10..30).flat_map(document_call).collect::<Vec<_>>()).unwrap();
    let ping = Frame::bytes_of(&Keepalive::Ping.header(), &()).unwrap();
    for _ in 0..10 {
        client.send(&ping).unwrap();
        assert_eq!(client.frame().header, Keepalive::Pong.header(), "before any reply");
    }
    let mut other = Client::open(&host.socket(), 0);
    let name = "net_eth1_".to_owned();
    other.call::<procedures::NodeDeviceLookupByName>(&NodeDevice { name }).unwrap();
    host.order("answer");
    let serials: BTreeSet<_> = (0..20).map(|_| client.frame().header.serial).collect();
    assert_eq!(serials, (10..30).collect());
    host.assert_well();
}

#[test]
fn more_clients_than_may_come_in_wait_outside() {
    let most = 5000;
    if descriptors() < most + 500 {
        eprintln!("skipped: too few descriptors");
        return;
    }
    let mut host = Host::start(4);
    let mut inside: Vec<_> = (0..most).map(|_| Client::open(&host.socket(), 0)).collect();
    let mut outside = Client::connect(&host.socket());
    let call = Frame::bytes_of(&Header::call(66, 7), &()).unwrap();
    outside.send(&call).unwrap();
    assert!(inside[0].ask(3, &[]).is_ok(), "those inside are served");
    inside.pop();
    assert_eq!(outside.frame().header.serial, 7, "a place is free again");
    until("everybody is served still", || {
        inside.iter_mut().step_by(500).all(|client| client.ask(3, &[]).is_ok())
    });
    host.assert_well();
}
