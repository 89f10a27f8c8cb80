//! Frames that are not as they should be.

use nodedev_rpc::{Frame, Header, MessageType, PROGRAM_REMOTE, Status, procedures};
use tokio::io::AsyncWriteExt;

use crate::rig::Rig;

/// The call that always has an answer.
const TYPE: Header = Header::call(3, 0);

#[tokio::test]
async fn an_unknown_program_is_answered_in_its_own_name() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let other = Header { program: 0x1234_5678, ..TYPE };
    let error = client.raw(other, &[]).await.unwrap_err();
    assert_eq!(error, (39, 7, "Cannot find program 305419896 version 1".to_owned()));
    let other = Header { version: 2, ..TYPE };
    let error = client.raw(other, &[]).await.unwrap_err();
    assert_eq!(error, (39, 7, format!("Cannot find program {PROGRAM_REMOTE} version 2")));
    assert!(client.raw(TYPE, &[]).await.is_ok());
}

#[tokio::test]
async fn a_call_with_a_status_is_none() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let error = client.raw(Header { status: Status::Error, ..TYPE }, &[]).await.unwrap_err();
    assert_eq!(error, (39, 7, "Unexpected message status 1".to_owned()));
    let error = client.raw(Header { status: Status::from(-1), ..TYPE }, &[]).await.unwrap_err();
    assert_eq!(error, (39, 7, "Unexpected message status 4294967295".to_owned()));
}

#[tokio::test]
async fn what_is_no_call_is_not_answered() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    for kind in [1, 2, 3, 5, 6, 7, -1] {
        let header = Header { kind: MessageType::from(kind), ..TYPE };
        client.write(&Frame { header, payload: Vec::new() }.to_bytes().unwrap()).await;
    }
    assert!(client.raw(TYPE, &[]).await.is_ok());
    assert!(client.next_is_silent().await);
}

#[tokio::test]
async fn a_call_with_descriptors_is_one_without() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let header = Header { kind: MessageType::CallWithFds, ..TYPE };
    assert!(client.raw(header, &[0; 4]).await.is_ok());
    let header = Header { serial: 9, ..header };
    client.write(&Frame { header, payload: vec![0, 0, 0, 1] }.to_bytes().unwrap()).await;
    client.is_closed().await;
}

#[tokio::test]
async fn short_arguments_are_an_error_and_long_ones_are_not() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let error = client.raw(Header::call(113, 0), &[0, 0, 0, 9]).await.unwrap_err();
    assert_eq!(error, (39, 7, "Unable to decode message payload".to_owned()));
    let payload = [b"\0\0\0\x09net_eth0_".as_slice(), b"pad and anything after it"].concat();
    assert!(client.raw(Header::call(113, 0), &payload).await.is_ok());
}

#[tokio::test]
async fn impossible_lengths_end_the_connection() {
    let rig = Rig::start().await;
    for length in [0, 3, 27, 33_554_437, u32::MAX] {
        let mut client = rig.open().await;
        client.write(&length.to_be_bytes()).await;
        client.is_closed().await;
    }
}

#[tokio::test]
async fn a_frame_that_is_longer_than_any_call_is_passed_over() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let error = client.raw(Header::call(428, 0), &vec![0; 5 << 20]).await.unwrap_err();
    assert_eq!(error, (39, 7, "Unable to decode message payload".to_owned()));
    assert!(client.raw(TYPE, &[]).await.is_ok());
}

#[tokio::test]
async fn frames_may_come_byte_by_byte() {
    let rig = Rig::start().await;
    let mut client = rig.open().await;
    let bytes = Frame { header: Header { serial: 77, ..TYPE }, payload: Vec::new() };
    for byte in bytes.to_bytes().unwrap() {
        client.stream.write_all(&[byte]).await.unwrap();
        client.stream.flush().await.unwrap();
    }
    assert!(client.answer(77).await.is_ok());
}

#[tokio::test]
async fn pings_are_answered_before_anything_else() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.ping().await;
    client.ok::<procedures::AuthList>(&()).await;
    let call = Header { kind: MessageType::Call, ..nodedev_rpc::Keepalive::Ping.header() };
    let error = client.raw(call, &[]).await.unwrap_err();
    assert_eq!(error, (39, 7, "Cannot find program 1801807216 version 1".to_owned()));
}
