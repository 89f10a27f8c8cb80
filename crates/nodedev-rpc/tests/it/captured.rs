//! Frames recorded between libvirt's own client and daemon: each is understood, and comes out again
//! byte for byte.

use std::path::Path;

use nodedev_rpc::{
    AuthType, Call, ConnectOpenArgs, EVENT_LIFECYCLE, ErrorCode, ErrorMessage, EventKind, Feature,
    Frame, FrameDecoder, Keepalive, Lifecycle, LifecycleEvent, MAX_FRAME_LEN, MessageType,
    ParamValue, Received, Reply, Status, UpdateEvent, from_payload,
};

fn captured(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captured").join(name);
    let text = std::fs::read_to_string(path.with_extension("hex")).expect("it is there");
    let byte = |word: &str| u8::from_str_radix(word, 16).expect("it is hexadecimal");
    text.split_whitespace().map(byte).collect()
}

fn frame(name: &str) -> Frame {
    let bytes = captured(name);
    let mut decoder = FrameDecoder::new(MAX_FRAME_LEN);
    decoder.push(&bytes);
    let Ok(Some(Received::Frame(frame))) = decoder.next() else { panic!("{name} is no frame") };
    assert!(!decoder.is_within_frame(), "{name} is longer than it says");
    assert_eq!(frame.to_bytes().as_deref(), Ok(&bytes[..]), "{name}");
    frame
}

#[track_caller]
fn call(name: &str) -> Call {
    let frame = frame(name);
    assert_eq!(frame.header.kind, MessageType::Call);
    let call = Call::decode(frame.header.procedure, &frame.payload).expect("it is a call");
    let mut again = Vec::new();
    call.encode_args(&mut again).expect("it can be encoded");
    assert_eq!(again, frame.payload, "{name}");
    call
}

#[track_caller]
fn reply(name: &str) -> Reply {
    let frame = frame(name);
    assert_eq!((frame.header.kind, frame.header.status), (MessageType::Reply, Status::Ok));
    let reply = Reply::decode(frame.header.procedure, &frame.payload).expect("it is a reply");
    let mut again = Vec::new();
    reply.encode(&mut again).expect("it can be encoded");
    assert_eq!(again, frame.payload, "{name}");
    reply
}

#[test]
fn every_recording_is_a_whole_frame() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captured");
    let files = std::fs::read_dir(folder).expect("there are recordings");
    let names: Vec<_> = files.map(|file| file.expect("it can be listed").file_name()).collect();
    assert_eq!(names.len(), 24);
    names.iter().for_each(|name| drop(frame(name.to_str().expect("it is text"))));
}

#[test]
fn authentication() {
    assert_eq!(call("auth-list-call"), Call::AuthList(()));
    let Reply::AuthList(list) = reply("auth-list-reply") else { panic!("another reply") };
    assert_eq!(list.types.0, [AuthType::None]);
    let Call::AuthSaslStart(start) = call("sasl-start-call") else { panic!("another call") };
    assert_eq!(
        (start.mechanism.as_str(), start.data.0.as_deref()),
        ("PLAIN", Some(&b"\0joe\0sekret"[..]))
    );
}

#[test]
fn opening() {
    let Call::ConnectSupportsFeature(args) = call("supports-feature-call") else {
        panic!("another call")
    };
    assert_eq!(args.feature, Feature::ProgramKeepalive);
    let Reply::ConnectSupportsFeature(yes) = reply("supports-feature-reply") else {
        panic!("another reply")
    };
    assert_eq!(yes.value, 1);
    let args = ConnectOpenArgs { name: Some("nodedev:///system".to_owned()), flags: 1 };
    assert_eq!(call("open-call"), Call::ConnectOpen(args));
    assert_eq!(reply("open-reply"), Reply::ConnectOpen(()));
    let Call::ConnectSetIdentity(identity) = call("set-identity-call") else {
        panic!("another call")
    };
    let params: Vec<_> =
        identity.params.0.into_iter().map(|param| (param.field, param.value)).collect();
    let expected = [
        ("user-name", ParamValue::String("joe".to_owned())),
        ("unix-user-id", ParamValue::UnsignedLong(1000)),
        ("process-id", ParamValue::Long(123)),
        ("process-time", ParamValue::UnsignedLong(456_789)),
    ];
    assert_eq!(params, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn lists_and_devices() {
    let Call::ConnectListAllNodeDevices(args) = call("list-all-call") else {
        panic!("another call")
    };
    assert_eq!((args.need_results, args.flags), (1, 0x8000_0001));
    let Reply::ConnectListAllNodeDevices(all) = reply("list-all-reply") else {
        panic!("another reply")
    };
    assert_eq!((all.devices.0[0].name.as_str(), all.count), ("computer", 1));
    let Call::NodeListDevices(args) = call("list-call") else { panic!("another call") };
    assert_eq!((args.capability.as_deref(), args.max_names), (Some("system"), 1));
    let Reply::NodeListDevices(names) = reply("list-reply") else { panic!("another reply") };
    assert_eq!(names.names.0, ["computer"]);
    let Reply::NodeDeviceGetParent(none) = reply("parent-reply-none") else {
        panic!("another reply")
    };
    assert_eq!(none.value, None);
    let Reply::NodeDeviceGetParent(some) = reply("parent-reply") else { panic!("another reply") };
    assert_eq!(some.value.as_deref(), Some("pci_0000_00_02_0"));
    let Call::NodeDeviceGetXmlDesc(args) = call("xml-call") else { panic!("another call") };
    assert_eq!((args.name.as_str(), args.flags), ("computer", 0));
}

#[test]
fn an_error() {
    let frame = frame("error-reply");
    assert_eq!(frame.header.status, Status::Error);
    let error: ErrorMessage = from_payload(&frame.payload).expect("it is an error");
    assert_eq!(error.code, ErrorCode::NoNodeDevice);
    let ours = ErrorMessage::new(error.code, error.domain, error.str2.expect("a detail"));
    assert_eq!(Frame::bytes_of(&frame.header, &ours), Ok(captured("error-reply")));
}

#[test]
fn events() {
    let Call::ConnectNodeDeviceEventRegisterAny(any) = call("register-call") else {
        panic!("another call")
    };
    assert_eq!((any.event, any.device), (EventKind::Lifecycle, None));
    let Call::ConnectNodeDeviceEventRegisterAny(one) = call("register-call-device") else {
        panic!("another call")
    };
    assert_eq!(one.device.expect("one device").name, "computer");
    let Reply::ConnectNodeDeviceEventRegisterAny(id) = reply("register-reply") else {
        panic!("another reply")
    };
    assert_eq!(id.value, 8);
    let Call::ConnectNodeDeviceEventDeregisterAny(id) = call("deregister-call") else {
        panic!("another call")
    };
    assert_eq!(id.callback, 8);
    let frame = frame("lifecycle-event");
    assert_eq!(
        (frame.header.kind, frame.header.procedure),
        (MessageType::Message, EVENT_LIFECYCLE)
    );
    let event: LifecycleEvent = from_payload(&frame.payload).expect("it is an event");
    assert_eq!((event.callback, event.event), (0, Lifecycle::Created));
    assert_eq!(Frame::bytes_of(&frame.header, &event), Ok(captured("lifecycle-event")));
    let frame = self::frame("update-event");
    let event: UpdateEvent = from_payload(&frame.payload).expect("it is an event");
    assert_eq!((event.callback, event.device.name.as_str()), (1, "computer"));
    assert_eq!(Frame::bytes_of(&frame.header, &event), Ok(captured("update-event")));
}

#[test]
fn keepalive() {
    for (name, word) in [("keepalive-ping", Keepalive::Ping), ("keepalive-pong", Keepalive::Pong)] {
        assert_eq!(Keepalive::of(&frame(name).header), Some(word));
        assert_eq!(Frame::bytes_of(&word.header(), &()), Ok(captured(name)));
    }
}
