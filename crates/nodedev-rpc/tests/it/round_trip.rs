//! Whatever is encoded is decoded to the same, and whatever bytes come in cost at most an error.

use nodedev_rpc::{
    Call, ErrorCode, ErrorDomain, ErrorMessage, Frame, FrameDecoder, Header, List, MAX_FRAME_LEN,
    MessageType, PROCEDURES, ParamValue, Received, Reply, SaslData, Status, TypedParam, Xdr,
    from_payload,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn encoded(value: &impl Xdr) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out).expect("it is short");
    out
}

fn param() -> impl Strategy<Value = TypedParam> {
    let value = prop_oneof![
        any::<i32>().prop_map(ParamValue::Int),
        any::<u32>().prop_map(ParamValue::UnsignedInt),
        any::<i64>().prop_map(ParamValue::Long),
        any::<u64>().prop_map(ParamValue::UnsignedLong),
        (-1e300..1e300).prop_map(ParamValue::Double),
        (0..2).prop_map(ParamValue::Boolean),
        "[^\0]{0,9}".prop_map(ParamValue::String),
    ];
    ("[^\0]{0,9}", value).prop_map(|(field, value)| TypedParam { field, value })
}

prop_compose! {
    fn error()(
        numbers in any::<[i32; 5]>(),
        texts in [option::of("[^\0]{0,20}"), option::of("[^\0]{0,20}"), option::of("[^\0]{0,20}"), option::of("[^\0]{0,20}")],
    ) -> ErrorMessage {
        let [code, domain, level, int1, int2] = numbers;
        let [message, str1, str2, str3] = texts;
        let (code, domain) = (ErrorCode::from(code), ErrorDomain::from(domain));
        ErrorMessage { code, domain, message, level, str1, str2, str3, int1, int2 }
    }
}

fn header() -> impl Strategy<Value = Header> {
    any::<(u32, u32, i32, i32, u32, i32)>().prop_map(
        |(program, version, procedure, kind, serial, status)| {
            let (kind, status) = (MessageType::from(kind), Status::from(status));
            Header { program, version, procedure, kind, serial, status }
        },
    )
}

/// Bytes that look like a payload: mostly small words, some text.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        6 => (0_u32..4).prop_map(|word| word.to_be_bytes().to_vec()),
        2 => any::<u32>().prop_map(|word| word.to_be_bytes().to_vec()),
        2 => "[^\0]{0,9}".prop_map(|text| encoded(&text)),
    ];
    vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn values(
        text in "[^\0]{0,40}",
        texts in vec("[^\0]{0,9}", 0..8),
        maybe in option::of(any::<u64>()),
        params in vec(param(), 0..8),
        sasl in option::of(vec(any::<u8>(), 0..40)),
        error in error(),
    ) {
        prop_assert_eq!(from_payload::<String>(&encoded(&text)), Ok(text));
        let list = List::<String, 8>(texts);
        prop_assert_eq!(from_payload(&encoded(&list)), Ok(list));
        prop_assert_eq!(from_payload(&encoded(&maybe)), Ok(maybe));
        let params = List::<TypedParam, 8>(params);
        prop_assert_eq!(from_payload(&encoded(&params)), Ok(params));
        let sasl = SaslData(sasl);
        prop_assert_eq!(from_payload(&encoded(&sasl)), Ok(sasl));
        prop_assert_eq!(from_payload(&encoded(&error)), Ok(error));
    }

    #[test]
    fn frames(header in header(), payload in vec(any::<u8>(), 0..200), cut in 1..64_usize) {
        let frame = Frame { header, payload };
        let mut decoder = FrameDecoder::new(MAX_FRAME_LEN);
        let mut seen = Vec::new();
        for piece in frame.to_bytes().expect("it is short").chunks(cut) {
            decoder.push(piece);
            seen.extend(decoder.next().expect("its length is right"));
        }
        prop_assert_eq!(seen, [Received::Frame(frame)]);
    }

    /// What a decoder makes of any payload says the same when it is sent on.
    #[test]
    fn calls_and_replies_of_any_payload(place in 0..PROCEDURES.len(), payload in payload()) {
        let number = PROCEDURES[place].number;
        if let Ok(call) = Call::decode(number, &payload) {
            prop_assert_eq!(call.info().number, number);
            let mut again = Vec::new();
            call.encode_args(&mut again).expect("it was short enough to come in");
            prop_assert_eq!(Call::decode(number, &again).map(|call| format!("{call:?}")), Ok(format!("{call:?}")));
        }
        if let Ok(reply) = Reply::decode(number, &payload) {
            let mut again = Vec::new();
            reply.encode(&mut again).expect("it was short enough to come in");
            prop_assert_eq!(Reply::decode(number, &again), Ok(reply));
        }
        if let Ok(error) = from_payload::<ErrorMessage>(&payload) {
            prop_assert_eq!(from_payload(&encoded(&error)), Ok(error));
        }
    }

    #[test]
    fn any_stream_of_bytes(bytes in vec(any::<u8>(), 0..400), limit in 0..200_usize) {
        let mut decoder = FrameDecoder::new(limit);
        decoder.push(&bytes);
        while let Ok(Some(_)) = decoder.next() {}
    }
}
