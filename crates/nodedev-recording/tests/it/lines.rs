//! What is written is read.

use nodedev_recording::{
    Answer, Call, Entry, FORMAT, Failure, Gone, Header, ListingEnd, Message, Recording, Unreadable,
    VERSION, Word, Writer,
};
use nodedev_types::{DeviceId, Diagnostic, Revision, SourceId};
use proptest::prelude::*;

use crate::arbitrary;

pub(crate) fn header() -> Header {
    let source = nodedev_recording::RecordedSource {
        name: "udev".to_owned(),
        version: "1".to_owned(),
        streams: Vec::new(),
        interests: Vec::new(),
    };
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        program: "test".to_owned(),
        kernel: Some("Linux".to_owned()),
        began: 1.5,
        scrubbed: false,
        sources: vec![source],
    }
}

pub(crate) fn written(header: &Header, entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, header, u64::MAX).unwrap();
    for entry in entries {
        assert!(writer.write(entry).unwrap());
    }
    bytes
}

fn word() -> impl Strategy<Value = Word> {
    (any::<u64>(), arbitrary::device()).prop_map(|(revision, device)| Word {
        stream: SourceId::new(SourceId::UDEV),
        device: device.id,
        revision: Revision(revision),
        fields: device.fields,
    })
}

fn diagnostic() -> impl Strategy<Value = Diagnostic> {
    (".*", ".*", any::<bool>()).prop_map(|(subject, message, attribute)| {
        let diagnostic = Diagnostic::warning(subject, message);
        if attribute { diagnostic.with_attribute("a") } else { diagnostic }
    })
}

fn failure() -> impl Strategy<Value = Failure> {
    ".*".prop_map(|message| Failure { kind: "timeout".to_owned(), message })
}

fn listing() -> impl Strategy<Value = ListingEnd> {
    (any::<u64>(), 0..9_usize, any::<bool>(), proptest::option::of(failure())).prop_map(
        |(revision, devices, unreadable, error)| ListingEnd {
            stream: SourceId::new("udev"),
            revision: Revision(revision),
            devices,
            unreadable: unreadable.then_some(DeviceId::Computer).into_iter().collect(),
            error,
        },
    )
}

fn event() -> impl Strategy<Value = Message> {
    prop_oneof![
        word().prop_map(Message::Observed),
        word().prop_map(|Word { stream, device, revision, .. }| {
            Message::Gone(Gone { stream, device, revision })
        }),
        (word(), diagnostic()).prop_map(|(word, diagnostic)| {
            let Word { stream, device, revision, .. } = word;
            Message::Unreadable(Unreadable { stream, device, revision, diagnostic })
        }),
        ".*".prop_map(|reason| Message::Resync { reason }),
        diagnostic().prop_map(|diagnostic| Message::Diagnostic { diagnostic }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        8 => event(),
        1 => proptest::collection::vec(event(), 0..3).prop_map(|messages| Message::Batch { messages }),
        1 => Just(Message::Watching),
        1 => Just(Message::Stopped),
        2 => word().prop_map(Message::Listed),
        2 => (proptest::collection::vec(listing(), 0..3), diagnostic(), proptest::option::of(".*"))
            .prop_map(|(listings, diagnostic, backend)| {
                Message::Snapshot { listings, diagnostics: vec![diagnostic], backend }
            }),
        1 => failure().prop_map(|error| Message::Failed { call: Call::Snapshot, error }),
        1 => failure().prop_map(|f| Message::Refreshed {
            device: DeviceId::Computer,
            answer: Answer::Failed(f)
        }),
        1 => word().prop_map(|word| Message::Refreshed {
            device: word.device.clone(),
            answer: Answer::Said(word)
        }),
        1 => Just(Message::Refreshed { device: DeviceId::Computer, answer: Answer::Nothing }),
    ]
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    proptest::collection::vec((any::<u32>(), message()), 0..12).prop_map(|list| {
        let mut at = 0;
        let entry = |(pause, message)| {
            at += u64::from(pause);
            Entry { at, source: "udev".to_owned(), message }
        };
        list.into_iter().map(entry).collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(entries in entries()) {
        let end = Message::End { reason: "done".to_owned() };
        let at = entries.last().map_or(0, |entry| entry.at);
        let last = Entry { at, source: String::new(), message: end };
        let all: Vec<_> = entries.into_iter().chain([last]).collect();
        let recording = Recording::read(&*written(&header(), &all)).unwrap();
        prop_assert_eq!(recording.header, header());
        prop_assert_eq!(&recording.problems, &[""; 0]);
        prop_assert_eq!(recording.entries, all);
    }

    #[test]
    fn whatever_is_read_does_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut all = written(&header(), &[]);
        all.extend_from_slice(&bytes);
        prop_assert!(Recording::read(&*bytes).is_err());
        prop_assert!(!Recording::read(&*all).unwrap().problems.is_empty());
    }
}
