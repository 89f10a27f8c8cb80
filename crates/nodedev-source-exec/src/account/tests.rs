use std::collections::BTreeMap;

use nodedev_types::{DeviceId, Revision, Severity};
use proptest::prelude::*;

use super::book::COMPLAINTS;
use super::*;
use crate::message::Reader;

/// An account, and the events that it gave.
struct Desk {
    account: Account,
    reader: Reader,
    revisions: RevisionCounter,
    number: u64,
    events: Vec<SourceEvent>,
}

impl Desk {
    fn new() -> Self {
        let mut config = ExecConfig::new("acme", "/x").unwrap();
        config.devices_limit = 3;
        config.total_limit = 400;
        Self {
            account: Account::new(&config, Hint::default()),
            reader: Reader::new(&config),
            revisions: RevisionCounter::new(),
            number: 0,
            events: Vec::new(),
        }
    }

    fn say(&mut self, line: &str) -> Effect {
        self.number += 1;
        let said = self.reader.read(line.as_bytes());
        let word = Word { number: self.number, size: line.len(), said };
        let mut effect = self.account.take(word, &self.revisions);
        self.events.append(&mut effect.events);
        effect
    }

    fn observe(&mut self, key: &str, driver: &str) {
        self.say(&format!(
            r#"{{"message":"observation","device":"acme:{key}","fields":{{"driver":"{driver}"}}}}"#
        ));
    }

    fn list(&mut self, keys: &[&str]) {
        self.say(r#"{"message":"begin"}"#);
        keys.iter().for_each(|key| self.observe(key, "d"));
        self.say(r#"{"message":"end"}"#);
    }

    /// The devices of a snapshot, those that are unreadable in brackets, and the complaints.
    fn shown(&mut self) -> (String, Vec<String>) {
        let (listing, told) = self.account.snapshot(&self.revisions).expect("a listing");
        let devices = listing.devices.unwrap().into_iter().map(|said| said.device.to_string());
        let bad = listing.unreadable.iter().map(|device| format!("({device})"));
        let all: Vec<_> = devices.chain(bad).collect();
        (all.join(" "), told.iter().map(ToString::to_string).collect())
    }
}

#[test]
fn a_listing_counts_when_it_is_complete_and_events_after_it() {
    let mut desk = Desk::new();
    assert!(desk.account.snapshot(&desk.revisions).is_none());
    desk.list(&["a", "b"]);
    assert_eq!(desk.events.len(), 0, "nobody has asked yet");
    assert_eq!(desk.shown().0, "acme:a acme:b");
    desk.say(r#"{"message":"begin"}"#);
    desk.observe("c", "d");
    assert_eq!(desk.shown().0, "acme:a acme:b", "it is not complete");
    desk.observe("e", "d");
    desk.say(r#"{"message":"gone","device":"acme:e"}"#);
    let effect = desk.say(r#"{"message":"end"}"#);
    assert!(effect.is_listed && desk.account.is_fresh);
    assert!(matches!(&*desk.events, [SourceEvent::Resync { .. }]), "{:?}", desk.events);
    desk.observe("a", "d");
    desk.say(r#"{"message":"gone","device":"acme:c"}"#);
    assert_eq!(desk.shown().0, "acme:a");
    assert!(!desk.account.is_fresh);
}

#[test]
fn an_answer_that_is_awaited_is_taken_and_of_any_other_listing_is_told() {
    let mut desk = Desk::new();
    desk.list(&[]);
    assert_eq!(desk.account.ask(Hint::default()), None, "what has just come is the answer");
    desk.shown();
    let asked = desk.account.ask(Hint::default());
    assert_eq!(asked, Some(1));
    let answer = |desk: &mut Desk, id: u64| {
        desk.say(&format!(r#"{{"message":"begin","answers":{id}}}"#));
        desk.say(r#"{"message":"end"}"#).answers
    };
    assert_eq!((answer(&mut desk, 1), desk.account.is_fresh), (Some(1), false));
    desk.account.forget(1);
    assert_eq!(desk.events.len(), 0);
    // The same answer once more, one that nobody waits for any more, and one to what nobody asked.
    assert_eq!((answer(&mut desk, 1), desk.account.is_fresh), (Some(1), true));
    desk.shown();
    assert_eq!(desk.account.ask(Hint::default()), Some(2));
    desk.account.forget(2);
    assert_eq!((answer(&mut desk, 2), desk.account.is_fresh), (Some(2), true));
    desk.shown();
    assert_eq!((answer(&mut desk, 7), desk.account.is_fresh), (None, true));
    assert_eq!(desk.events.len(), 3, "{:?}", desk.events);
}

#[test]
fn a_listing_that_may_be_older_than_a_hint_is_no_answer_to_it() {
    let (sender, _stream) = nodedev_source::hint_channel();
    let mut desk = Desk::new();
    desk.list(&["a"]);
    assert_eq!(desk.account.ask(Hint::default()), None, "it was started after this hint");
    let first = sender.raise();
    assert_eq!(desk.account.ask(first), Some(1));
    // Nobody waits any more; the answer is as new as the hint.
    desk.account.forget(1);
    desk.say(r#"{"message":"begin","answers":1}"#);
    desk.say(r#"{"message":"end"}"#);
    assert!(desk.account.is_fresh);
    assert_eq!(desk.account.ask(first), None);
    let second = sender.raise();
    assert_eq!(desk.account.ask(second), Some(2));
    // Begun before the hint, for all that is known.
    desk.list(&["b"]);
    assert_eq!(desk.account.ask(second), Some(3));
}

#[test]
fn what_a_snapshot_shows_is_older_than_each_event_after_it_and_newer_than_those_before() {
    let mut desk = Desk::new();
    desk.list(&[]);
    desk.observe("a", "d");
    let listed = desk.account.snapshot(&desk.revisions).unwrap().0.revision;
    desk.observe("a", "e");
    let revisions: Vec<Revision> = desk
        .events
        .iter()
        .filter_map(|event| match event {
            SourceEvent::Observed(said) => Some(said.revision),
            _ => None,
        })
        .collect();
    assert!(revisions[0] < listed && listed < revisions[1], "{revisions:?} {listed}");
}

#[test]
fn what_is_wrong_in_each_listing_is_the_same_each_time() {
    let mut desk = Desk::new();
    let mut told = Vec::new();
    for _ in 0..2 {
        desk.say(r#"{"message":"begin"}"#);
        desk.say(r#"{"message":"observation","device":"acme:a","fields":{"driver":1}}"#);
        desk.say(r#"{"message":"end"}"#);
        told.push(desk.shown().1);
    }
    let expected =
        "acme:a: driver: line 1 of a listing: invalid type: integer `1`, expected a string: `1`";
    assert_eq!(told, [[expected], [expected]]);
}

#[test]
fn a_bad_line_costs_itself_and_is_told_with_its_number() {
    let mut desk = Desk::new();
    desk.list(&["a", "b"]);
    let effect = desk.say("rubbish");
    assert!(effect.is_bad);
    desk.say(r#"{"message":"observation","device":"acme:a","fields":7}"#);
    desk.say(r#"{"message":"observation","device":"acme:b","fields":{"driver":1}}"#);
    desk.say(r#"{"message":"diagnostic","severity":"error","subject":"bus","text":"is off"}"#);
    let (devices, told) = desk.shown();
    assert_eq!(devices, "acme:b (acme:a)");
    let expected = [
        "acme: line 5: is no JSON object: expected value at line 1 column 1: `rubbish`",
        "acme:a: line 6: `fields` is no object: `7`",
        "acme:b: driver: line 7: invalid type: integer `1`, expected a string: `1`",
        "bus: is off",
    ];
    assert_eq!(told, expected);
    let severity = |event: &SourceEvent| match event {
        SourceEvent::Diagnostic(told) => Some(told.severity),
        _ => None,
    };
    assert_eq!(desk.events.iter().filter_map(severity).max(), Some(Severity::Error));
    desk.observe("a", "d");
    desk.observe("b", "d");
    assert_eq!(desk.shown().1, [expected[0], expected[3]], "mended");
    desk.list(&[]);
    assert_eq!(desk.shown(), (String::new(), Vec::new()));
}

#[test]
fn out_of_turn_messages_are_told() {
    let mut desk = Desk::new();
    assert!(desk.say(r#"{"message":"end"}"#).is_bad);
    desk.say(r#"{"message":"begin"}"#);
    assert!(desk.say(r#"{"message":"begin"}"#).is_bad);
    assert!(desk.say(r#"{"message":"hello","protocol":1,"name":"acme"}"#).is_bad);
    assert!(!desk.say(r#"{"message":"end"}"#).is_bad);
    assert_eq!(desk.shown().1.len(), 2);
}

#[test]
fn there_is_a_bound_on_devices_bytes_and_complaints() {
    let mut desk = Desk::new();
    desk.list(&["a", "b", "c", "d"]);
    let (devices, told) = desk.shown();
    assert_eq!(devices, "acme:a acme:b acme:c");
    assert_eq!(
        told,
        ["acme:d: line 4 of a listing: left out: there are 3 devices, which is the bound"]
    );
    desk.observe("a", &"x".repeat(300));
    assert!(desk.shown().1[1].contains("the devices take 400 bytes"), "{:?}", desk.shown().1);
    let before = desk.events.len();
    (0..500).for_each(|_| drop(desk.say("?")));
    assert_eq!(desk.shown().1.len(), COMPLAINTS);
    assert!(desk.events.len() - before < COMPLAINTS, "told no more often than kept");
}

#[test]
fn many_small_fields_count_by_what_they_take() {
    let said = |fields: &str| {
        let mut desk = Desk::new();
        desk.list(&[]);
        desk.say(&format!(
            r#"{{"message":"observation","device":"acme:a","fields":{{{fields}}}}}"#
        ));
        desk.shown()
    };
    let many = |n: u8| {
        let fields: Vec<_> = (0..n).map(|n| format!(r#""{}":1"#, char::from(b'a' + n))).collect();
        format!(r#""extensions":{{"acme":{{{}}}}}"#, fields.join(","))
    };
    let texts = |n: usize| format!(r#""devlinks":[{}"/dev/a"]"#, r#""/x","#.repeat(n - 1));
    for fields in [many(6), texts(21)] {
        assert_eq!(said(&fields).0, "acme:a", "{fields}");
    }
    for fields in [many(7), texts(22)] {
        let (devices, told) = said(&fields);
        assert_eq!(devices, "(acme:a)", "{fields}");
        assert!(told[0].contains("the devices take 400 bytes"), "{told:?}");
    }
}

#[test]
fn what_was_left_out_is_listed_anew_when_something_goes_and_its_complaint_goes_with_it() {
    let mut desk = Desk::new();
    desk.list(&["a", "b", "c", "d"]);
    desk.shown();
    desk.observe("d", "e");
    assert_eq!(desk.shown().1.len(), 1, "told once");
    assert!(desk.events.is_empty(), "{:?}", desk.events);
    assert!(!desk.say(r#"{"message":"gone","device":"acme:x"}"#).has_room_again);
    assert!(!desk.account.take_room());
    assert!(desk.say(r#"{"message":"gone","device":"acme:a"}"#).has_room_again);
    // An unasked listing that has come before does not tell what it left out.
    desk.account.is_fresh = true;
    assert!(desk.account.take_room());
    assert!(desk.account.ask(Hint::default()).is_some());
    assert!(!desk.say(r#"{"message":"gone","device":"acme:b"}"#).has_room_again, "once");
    desk.list(&["a", "b", "c", "d", "e"]);
    let gone = desk.say(r#"{"message":"gone","device":"acme:e"}"#);
    assert_eq!((desk.shown().1.len(), gone.has_room_again), (1, false), "of d alone");
    desk.say(r#"{"message":"gone","device":"acme:d"}"#);
    assert_eq!(desk.shown(), ("acme:a acme:b acme:c".to_owned(), Vec::new()));
    assert!(!desk.say(r#"{"message":"gone","device":"acme:a"}"#).has_room_again, "nothing is");
}

#[test]
fn there_is_no_room_again_while_a_listing_is_under_way() {
    let mut desk = Desk::new();
    desk.list(&["a", "b", "c", "d"]);
    desk.say(r#"{"message":"gone","device":"acme:a"}"#);
    desk.say(r#"{"message":"begin"}"#);
    assert!(!desk.account.take_room());
    assert!(!desk.say(r#"{"message":"end"}"#).has_room_again);
}

#[test]
fn a_device_whose_update_does_not_fit_cannot_be_read() {
    let mut desk = Desk::new();
    desk.list(&["a", "b", "c"]);
    let large = "x".repeat(250);
    desk.observe("a", &large);
    desk.observe("a", &large);
    let (devices, told) = desk.shown();
    assert_eq!(devices, "acme:b acme:c (acme:a)");
    let expected = "acme:a: line 6: left out: the devices take 400 bytes, which is the bound";
    assert_eq!(told, [expected]);
    let [SourceEvent::Unreadable { device, diagnostic, .. }] = &*desk.events else {
        panic!("{:?}", desk.events)
    };
    assert_eq!((device.to_string(), diagnostic.to_string()), ("acme:a".into(), expected.into()));
    let gone = desk.say(r#"{"message":"gone","device":"acme:b"}"#);
    assert!(gone.has_room_again);
    desk.observe("a", &large);
    assert_eq!(desk.shown(), ("acme:a acme:c".to_owned(), Vec::new()));
    desk.observe("c", &large);
    desk.say(r#"{"message":"gone","device":"acme:c"}"#);
    assert_eq!(desk.shown(), ("acme:a".to_owned(), Vec::new()), "its complaint has gone");
}

#[test]
fn a_listing_is_unfinished_from_the_first_begin_to_the_end() {
    let mut desk = Desk::new();
    desk.list(&[]);
    assert_eq!(desk.account.unfinished(), None);
    for line in [r#"{"message":"begin"}"#, r#"{"message":"ende"}"#, r#"{"message":"begin"}"#] {
        desk.say(line);
        assert_eq!(desk.account.unfinished(), Some(3), "{line}");
    }
    assert_eq!(desk.account.untold().len(), 1, "{:?}", desk.account.untold());
    desk.list(&[]);
    assert_eq!(desk.account.unfinished(), None);
    desk.say(r#"{"message":"begin"}"#);
    assert_eq!(desk.account.unfinished(), Some(8));
}

/// Folds events as the registry does.
fn fold(view: &mut BTreeMap<DeviceId, (Revision, Option<Fields>)>, event: SourceEvent) {
    match event {
        SourceEvent::Observed(said) => {
            view.insert(said.device, (said.revision, Some(said.fields)));
        }
        SourceEvent::Gone { device, revision, .. } => {
            view.insert(device, (revision, None));
        }
        _ => {}
    }
}

proptest! {
    /// Law 4: a snapshot taken at any moment is what the events before it have made.
    #[test]
    fn events_and_snapshots_end_in_the_same(
        script in prop::collection::vec((0u8..6, 0u8..3, 0u8..3), 0..40),
        taken in 0usize..40,
    ) {
        let mut desk = Desk::new();
        desk.list(&["0", "1"]);
        let first = desk.account.snapshot(&desk.revisions).unwrap().0;
        let mut view = BTreeMap::new();
        for said in first.devices.unwrap() {
            view.insert(said.device, (said.revision, Some(said.fields)));
        }
        let mut late = None;
        for (step, (what, key, driver)) in script.into_iter().enumerate() {
            if step == taken {
                late = desk.account.snapshot(&desk.revisions).map(|(listing, _)| listing);
            }
            match what {
                0 => drop(desk.say(&format!(r#"{{"message":"gone","device":"acme:{key}"}}"#))),
                1 => drop(desk.say("rubbish")),
                _ => desk.observe(&key.to_string(), &driver.to_string()),
            }
        }
        std::mem::take(&mut desk.events).into_iter().for_each(|event| fold(&mut view, event));
        // A snapshot that arrives after all events: only what is newer than a word may replace it.
        if let Some(listing) = late {
            for said in listing.devices.unwrap() {
                if view.get(&said.device).is_none_or(|(known, _)| *known < said.revision) {
                    view.insert(said.device, (said.revision, Some(said.fields)));
                }
            }
        }
        let now = desk.account.snapshot(&desk.revisions).unwrap().0.devices.unwrap();
        let now: BTreeMap<_, _> = now.into_iter().map(|said| (said.device, said.fields)).collect();
        let there = view.into_iter().filter_map(|(device, (_, fields))| Some((device, fields?)));
        prop_assert_eq!(there.collect::<BTreeMap<_, _>>(), now);
    }
}
