//! Frames that are none, and calls that are none.

use nodedev_rpc::{
    Call, ErrorCode, ErrorDomain, Frame, HEADER_LEN, Header, Keepalive, MAX_FRAME_LEN, MessageType,
    PROCEDURES, Procedure, Status, procedures, unserved,
};

use super::host::Host;
use super::witness::Witness;
use nodedev_tests::wire::{Client, outcome, payload};

fn auth_list() -> Vec<u8> {
    Frame::bytes_of(&Header::call(66, 0), &()).unwrap()
}

/// Sends a header and says what comes back.
fn answer_to(
    host: &Host,
    header: &Header,
    arguments: &[u8],
) -> Result<Vec<u8>, (ErrorCode, ErrorDomain, String)> {
    let mut client = Client::open(&host.socket(), 0);
    let frame = Frame { header: *header, payload: arguments.to_vec() };
    client.send(&frame.to_bytes().unwrap()).unwrap();
    let reply = client.frame();
    assert_eq!(reply.header.kind, MessageType::Reply);
    let echoed = Header { kind: header.kind, status: header.status, ..reply.header };
    assert_eq!(echoed, *header, "program, version, procedure and serial come back");
    outcome(reply).map_err(|error| (error.code, error.domain, error.message.unwrap_or_default()))
}

#[test]
fn a_length_that_lies_costs_its_own_connection() {
    let mut host = Host::start(4);
    let witness = Witness::start(&host.socket(), "net_eth0_");
    let over = u32::try_from(MAX_FRAME_LEN).unwrap() + 1;
    for length in (0..28).chain([over, 0x7fff_ffff, 0x8000_0000, u32::MAX]) {
        let mut client = Client::connect(&host.socket());
        client.send(&length.to_be_bytes()).unwrap();
        assert_eq!(client.until_closed(), [], "length {length}");
        // The same within a connection that has been of use.
        let mut client = Client::open(&host.socket(), 0);
        let _ = client.send(&[&auth_list()[..], &length.to_be_bytes(), &[0xff; 100]].concat());
        assert!(client.until_closed().len() <= 1, "length {length}");
    }
    witness.finish("lengths that lie");
    host.assert_well();
}

#[test]
fn a_length_with_nothing_behind_it_takes_no_memory() {
    let mut host = Host::start(4);
    let before = host.peak_memory();
    let word = u32::try_from(MAX_FRAME_LEN).unwrap().to_be_bytes();
    let mut clients: Vec<_> = (0..200).map(|_| Client::open(&host.socket(), 0)).collect();
    for client in &mut clients {
        client.send(&[&word[..], &[0; 24]].concat()).unwrap();
    }
    let witness = Witness::start(&host.socket(), "net_eth0_");
    for client in &mut clients {
        assert_eq!(client.until_closed(), []);
    }
    witness.finish("200 frames of 32 MiB with nothing behind them");
    let more = host.peak_memory() - before;
    eprintln!("200 frames of 32 MiB with nothing behind them: {more} KiB");
    assert!(more < 32 << 10, "{more} KiB for frames that never came");
    host.assert_well();
}

#[test]
fn a_frame_may_come_byte_by_byte_and_several_at_once() {
    let mut host = Host::start(4);
    let mut client = Client::connect(&host.socket());
    for byte in auth_list() {
        client.send(&[byte]).unwrap();
    }
    assert_eq!(client.frame().header.status, Status::Ok);
    let ping = Frame::bytes_of(&Keepalive::Ping.header(), &()).unwrap();
    client.send(&[ping.clone(), auth_list(), ping].concat()).unwrap();
    let kinds: Vec<_> = (0..3).map(|_| client.frame().header.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == MessageType::Reply).count(), 1, "{kinds:?}");
    host.assert_well();
}

#[test]
fn a_frame_that_is_cut_off_ends_the_connection() {
    let mut host = Host::start(4);
    let call = lookup("net_eth0_");
    for length in 0..call.len() {
        let mut client = Client::open(&host.socket(), 0);
        client.send(&call[..length]).unwrap();
        client.finish();
        assert_eq!(client.until_closed(), [], "cut off after {length} bytes");
    }
    host.assert_well();
}

#[test]
fn a_call_that_is_too_long_is_refused_and_the_next_one_answered() {
    let mut host = Host::start(4);
    let mut client = Client::open(&host.socket(), 0);
    for length in [5 << 20, 16 << 20, MAX_FRAME_LEN - HEADER_LEN] {
        let error = client.ask(113, &vec![0; length]).unwrap_err();
        // What fits is read as a name of no length; what does not is refused unread.
        assert!(matches!(i32::from(error.code), 39 | 53), "{error:?}");
        assert!(client.ask(3, &[]).is_ok());
    }
    let peak = host.peak_memory();
    eprintln!("calls of up to 32 MiB: {peak} KiB at most");
    assert!(peak < 128 << 10, "{peak} KiB");
    host.assert_well();
}

#[test]
fn what_is_no_call_of_this_program_is_told_so() {
    let mut host = Host::start(4);
    let call = Header::call(3, 77);
    let rpc = |text: &str| Err((ErrorCode::Rpc, ErrorDomain::Rpc, text.to_owned()));
    for (header, expected) in [
        (Header { program: 0x1234_5678, ..call }, "Cannot find program 305419896 version 1"),
        (Header { program: 0x2000_8087, ..call }, "Cannot find program 536903815 version 1"),
        (Header { program: 0x6b65_6570, ..call }, "Cannot find program 1801807216 version 1"),
        (Header { version: 2, ..call }, "Cannot find program 536903814 version 2"),
        (Header { status: Status::Error, ..call }, "Unexpected message status 1"),
        (Header { status: Status::Unknown(-1), ..call }, "Unexpected message status 4294967295"),
        (Header { procedure: 0, ..call }, "unknown procedure: 0"),
        (Header { procedure: 376, ..call }, "unknown procedure: 376"),
        (Header { procedure: 454, ..call }, "unknown procedure: 454"),
        (Header { procedure: -1, ..call }, "unknown procedure: -1"),
        (Header { procedure: i32::MIN, ..call }, "unknown procedure: -2147483648"),
        (Header { procedure: i32::MAX, ..call }, "unknown procedure: 2147483647"),
    ] {
        assert_eq!(answer_to(&host, &header, &[]), rpc(expected));
    }
    host.assert_well();
}

#[test]
fn what_asks_for_no_answer_gets_none() {
    let mut host = Host::start(4);
    let mut client = Client::open(&host.socket(), 0);
    for kind in [1, 2, 3, 5, 6, 7, 99, -1] {
        let header = Header { kind: MessageType::from(kind), ..Header::call(3, 5) };
        client.send(&Frame::bytes_of(&header, &()).unwrap()).unwrap();
        assert!(client.ask(3, &[]).is_ok(), "after a frame of type {kind}");
    }
    for count in [1_u32, 32, 33, u32::MAX] {
        let mut client = Client::open(&host.socket(), 0);
        let header = Header { kind: MessageType::CallWithFds, ..Header::call(3, 5) };
        client.send(&Frame::bytes_of(&header, &count).unwrap()).unwrap();
        assert_eq!(client.until_closed(), [], "{count} descriptors");
    }
    host.assert_well();
}

#[test]
fn every_procedure_survives_arguments_that_are_none() {
    let mut host = Host::start(4);
    let mut client = Client::open(&host.socket(), 0);
    let asks = |procedure: i32| !matches!(procedure, 1 | 2);
    let served = PROCEDURES.iter().map(|info| info.number).filter(|number| asks(*number));
    let others = (1..=453).filter(|number| unserved(*number).is_some());
    let long = "x".repeat(5 << 20);
    let payloads: &[&[u8]] = &[
        &[],
        &[0],
        &[0; 3],
        &[0; 64],
        &[0xff; 64],
        &[0, 0, 0, 1, 0xff, 0xfe, 0, 0, 0, 0, 0, 9],
        &[0, 0, 0, 3, b'a', 0, b'b', 0, 0, 0, 0, 1],
        &[0, 0x40, 0, 1, b'a', b'b', b'c', b'd'],
        &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0],
    ];
    for procedure in served.chain(others) {
        for arguments in payloads {
            let decodes = Call::decode(procedure, arguments).is_ok();
            match client.ask(procedure, arguments) {
                Err(error) if !decodes && unserved(procedure).is_none() => {
                    let message = error.message.unwrap_or_default();
                    assert_eq!(
                        message, "Unable to decode message payload",
                        "{procedure} {arguments:?}"
                    );
                }
                answered => {
                    assert!(
                        decodes || answered.is_err(),
                        "{procedure} {arguments:?}: {answered:?}"
                    );
                }
            }
        }
    }
    for procedure in [1, 113, 123, 428] {
        let text = [&payload(&5_242_880_u32)[..], long.as_bytes()].concat();
        let error = client.ask(procedure, &text).unwrap_err();
        assert_eq!(error.message.as_deref(), Some("Unable to decode message payload"));
    }
    assert!(client.ask(3, &[]).is_ok());
    host.assert_well();
}

fn lookup(name: &str) -> Vec<u8> {
    let device = nodedev_rpc::NodeDevice { name: name.to_owned() };
    procedures::NodeDeviceLookupByName::call(1, &device).unwrap()
}
