//! What a fuzzer calls: bytes in, laws checked, a panic when one is broken.
//!
//! Every entry takes the bytes of a frame, so that captured frames are seeds for all of them. Never reads
//! files, never keeps anything from one call to the next.

use nodedev_rpc::{
    Call, EVENT_LIFECYCLE, EVENT_UPDATE, EncodeError, ErrorMessage, FrameDecoder, FrameError,
    HEADER_LEN, LifecycleEvent, MAX_FRAME_LEN, MAX_STRING_LEN, Received, Reply, UpdateEvent, Xdr,
    from_payload,
};

/// An entry by its name.
pub(crate) type Entry = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const ENTRIES: &[Entry] =
    &[("frame", frame), ("arguments", arguments), ("replies", replies), ("error", error)];

/// A stream gives the same frames however it is cut, and each frame is the bytes that it came from.
pub(crate) fn frame(stream: &[u8]) {
    let whole = cut(stream, stream.len().max(1), MAX_FRAME_LEN);
    for size in [1 + stream.len() % 61, 1 + stream.len() % 7, HEADER_LEN] {
        assert_eq!(cut(stream, size, MAX_FRAME_LEN), whole, "in pieces of {size}");
    }
    let mut rest = stream;
    for received in &whole.0 {
        let Received::Frame(frame) = received else { panic!("{received:?} below the limit") };
        let bytes = frame.to_bytes().expect("it has been received");
        rest = rest.strip_prefix(&bytes[..]).expect("the bytes that it came from");
    }
    held_back(stream, &whole);
}

/// With a low limit the same frames come, those over it without their payload.
fn held_back(stream: &[u8], whole: &Cut) {
    let limit = 64;
    let limited = cut(stream, 1 + stream.len() % 13, limit);
    assert_eq!((limited.0.len(), limited.1), (whole.0.len(), whole.1));
    for (limited, whole) in limited.0.iter().zip(&whole.0) {
        let Received::Frame(frame) = whole else { continue };
        match limited {
            Received::Oversized(header) => {
                assert!(HEADER_LEN + frame.payload.len() > limit);
                assert_eq!(*header, frame.header);
            }
            short => assert_eq!(short, whole),
        }
    }
}

type Cut = (Vec<Received>, Option<FrameError>);

fn cut(stream: &[u8], size: usize, limit: usize) -> Cut {
    let mut decoder = FrameDecoder::new(limit);
    let mut seen = Vec::new();
    for piece in stream.chunks(size) {
        decoder.buffer().extend_from_slice(piece);
        loop {
            match decoder.next() {
                Ok(Some(received)) => seen.push(received),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            }
        }
    }
    (seen, None)
}

/// Arguments that can be read can be written, and are then read as the same.
pub(crate) fn arguments(frame: &[u8]) {
    let Some((procedure, payload)) = taken_apart(frame) else { return };
    let Ok(call) = Call::decode(procedure, payload) else { return };
    assert_eq!(call.info().number, procedure);
    let again = |bytes: &[u8]| {
        Call::decode(procedure, bytes).map(|call| written(|out| call.encode_args(out)))
    };
    settled(payload, written(|out| call.encode_args(out)), again);
}

/// Answers and events likewise.
pub(crate) fn replies(frame: &[u8]) {
    let Some((procedure, payload)) = taken_apart(frame) else { return };
    match procedure {
        EVENT_LIFECYCLE => value::<LifecycleEvent>(payload),
        EVENT_UPDATE => value::<UpdateEvent>(payload),
        _ => {
            let Ok(reply) = Reply::decode(procedure, payload) else { return };
            let again = |bytes: &[u8]| {
                Reply::decode(procedure, bytes).map(|reply| written(|out| reply.encode(out)))
            };
            settled(payload, written(|out| reply.encode(out)), again);
        }
    }
}

/// Errors likewise.
pub(crate) fn error(frame: &[u8]) {
    let Some((_, payload)) = taken_apart(frame) else { return };
    value::<ErrorMessage>(payload);
}

fn value<T: Xdr>(payload: &[u8]) {
    let Ok(value) = from_payload::<T>(payload) else { return };
    let again =
        |bytes: &[u8]| from_payload::<T>(bytes).map(|value| written(|out| value.encode(out)));
    settled(payload, written(|out| value.encode(out)), again);
}

/// The number of the procedure and the payload, whatever the rest of the header says.
fn taken_apart(frame: &[u8]) -> Option<(i32, &[u8])> {
    let (header, payload) = frame.split_at_checked(HEADER_LEN)?;
    Some((i32::from_be_bytes(*header[12..].first_chunk()?), payload))
}

fn written(
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode(&mut out).map(|()| out)
}

/// What has been read once is written and read again without a change, whatever follows it. It can
/// grow only where text was none: each such byte becomes three.
fn settled<E: std::fmt::Debug>(
    payload: &[u8],
    first: Result<Vec<u8>, EncodeError>,
    again: impl Fn(&[u8]) -> Result<Result<Vec<u8>, EncodeError>, E>,
) {
    let Ok(first) = first else {
        assert!(payload.len() > MAX_STRING_LEN / 3, "{first:?} of {} bytes", payload.len());
        return;
    };
    assert!(first.len() <= 3 * payload.len() + 64, "{} bytes of {}", first.len(), payload.len());
    let second = again(&first).expect("it has been written just now");
    assert_eq!(second.as_ref(), Ok(&first));
    let followed = again(&[&first[..], b"what follows"].concat()).expect("what follows is ignored");
    assert_eq!(followed, Ok(first));
}
