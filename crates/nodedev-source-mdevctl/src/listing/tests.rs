use nodedev_types::MdevAttribute;
use proptest::prelude::*;

use super::*;
use crate::entry::{Entry, Stream};

const UUID: &str = "11111111-2222-3333-4444-555555555555";

fn parse(text: &str) -> Entries {
    read(text.as_bytes()).unwrap()
}

/// One child below one parent.
fn one(inner: &str) -> (Entry, Vec<String>) {
    let mut read = parse(&format!(r#"[{{"0000:00:02.0":[{{"{UUID}":{inner}}}]}}]"#));
    assert_eq!(read.entries.len(), 1, "{read:?}");
    (read.entries.remove(0), texts(&read))
}

fn texts(read: &Entries) -> Vec<String> {
    read.diagnostics.iter().map(ToString::to_string).collect()
}

fn names(read: &Entries) -> Vec<String> {
    read.entries.iter().map(|entry| format!("{}@{}", entry.uuid, entry.parent)).collect()
}

#[test]
fn nothing_to_list_has_many_forms() {
    for text in ["", "\n", "[]", "[]\n", "[{}]", r#"[{"0000:00:02.0":[]}]"#] {
        assert_eq!(parse(text), Entries::default(), "{text:?}");
    }
}

#[test]
fn every_version_prints_an_entry_that_is_read() {
    let attribute =
        |name: &str, value: &str| MdevAttribute { name: name.to_owned(), value: value.to_owned() };
    let table = [
        // The shell script's active listing.
        (r#"{"mdev_type":"t"}"#, None, vec![]),
        // The shell script leaves out empty attributes.
        (r#"{"mdev_type":"t","start":"auto"}"#, Some("auto"), vec![]),
        // 1.0 and later.
        (r#"{"mdev_type":"t","start":"manual","attrs":[]}"#, Some("manual"), vec![]),
        (r#"{"mdev_type":"t","attrs":null}"#, None, vec![]),
        (
            r#"{"mdev_type":"t","start":"auto","attrs":[{"b":"2"},{"a":"1"},{"b":""}]}"#,
            Some("auto"),
            vec![attribute("b", "2"), attribute("a", "1"), attribute("b", "")],
        ),
        // A key of some later version.
        (r#"{"mdev_type":"t","more":{"x":[1]}}"#, None, vec![]),
    ];
    for (text, start, attributes) in table {
        let (entry, diagnostics) = one(text);
        assert_eq!(entry.mdev_type.as_deref(), Some("t"), "{text}");
        assert_eq!(entry.start.as_deref(), start, "{text}");
        assert_eq!(entry.attributes, attributes, "{text}");
        assert_eq!(diagnostics, [""; 0], "{text}");
    }
}

#[test]
fn a_bad_value_costs_itself_and_is_named() {
    let table = [
        (r#"{}"#, "mdev_type: missing"),
        (r#"{"mdev_type":5}"#, "mdev_type: not a text: 5"),
        (r#"{"mdev_type":"t","start":true}"#, "start: not a text: true"),
        (r#"{"mdev_type":"t","start":"now"}"#, "start: `now` is neither auto nor manual"),
        (r#"{"mdev_type":"t","attrs":{"a":"1"}}"#, r#"attrs: not an array: {"a":"1"}"#),
        (r#"{"mdev_type":"t","attrs":[{"a":5},{"k":"v"}]}"#, "attrs[0].a: not a text: 5"),
        (r#"{"mdev_type":"t","attrs":[{"k":"v"},{"a":null}]}"#, "attrs[1].a: not a text: null"),
        (
            r#"{"mdev_type":"t","attrs":[{"a":"1","b":"2"},{"k":"v"}]}"#,
            "attrs[0]: not an object with one key",
        ),
        (
            r#"{"mdev_type":"t","attrs":["a",{"k":"v"}]}"#,
            r#"attrs[0]: not an object with one key: "a""#,
        ),
    ];
    for (text, expected) in table {
        let (entry, diagnostics) = one(text);
        assert_eq!(diagnostics.len(), 1, "{text}: {diagnostics:?}");
        let start = format!("mdev:{UUID}@0000:00:02.0: {expected}");
        assert!(diagnostics[0].starts_with(&start), "{}", diagnostics[0]);
        let kept = entry.attributes.iter().any(|a| a.name == "k");
        assert_eq!(kept, text.contains(r#""k""#), "{text}");
    }
}

#[test]
fn a_bad_part_leaves_the_others() {
    let good = format!(r#""p":[{{"{UUID}":{{"mdev_type":"t"}}}}]"#);
    let table = [
        (format!(r#"[5,{{{good}}}]"#), "element 0"),
        (format!(r#"[{{"a":5,{good}}}]"#), "parent a: not an array: 5"),
        (format!(r#"[{{"a":[5],{good}}}]"#), "child 0 of parent a"),
        (format!(r#"[{{"a":[{{}}],{good}}}]"#), "child 0 of parent a"),
        (format!(r#"[{{"a":[{{"x":{{}},"y":{{}}}}],{good}}}]"#), "child 0 of parent a"),
        (format!(r#"[{{"":[{{"x":{{}}}}],{good}}}]"#), "parent "),
        (format!(r#"[{{"a":[{{"":{{}}}}],{good}}}]"#), "child  of parent a"),
    ];
    for (text, expected) in table {
        let read = parse(&text);
        assert_eq!(names(&read), [format!("{UUID}@p")], "{text}");
        let diagnostics = texts(&read);
        assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
        assert!(diagnostics[0].starts_with(expected), "{}", diagnostics[0]);
    }
}

#[test]
fn a_device_whose_entry_is_no_object_is_unreadable() {
    let read = parse(r#"[{"p":[{"x":5}]}]"#);
    assert!(read.entries.is_empty());
    assert_eq!(read.unreadable, [DeviceId::mdev("x", "p")]);
    assert_eq!(texts(&read), ["mdev:x@p: not an object: 5"]);
}

#[test]
fn several_elements_are_read_and_the_first_of_two_counts() {
    let read = parse(
        r#"[{"p":[{"x":{"mdev_type":"one"}}]},
            {"q":[{"x":{"mdev_type":"t"}}]},
            {"p":[{"x":{"mdev_type":"two"}}]}]"#,
    );
    assert_eq!(names(&read), ["x@p", "x@q"]);
    assert_eq!(read.entries[0].mdev_type.as_deref(), Some("one"));
    assert_eq!(texts(&read), ["mdev:x@p: listed twice, the first counts"]);
}

#[test]
fn a_uuid_in_any_case_is_one_device_and_other_keys_stay() {
    let upper = "AAAAAAAA-2222-3333-4444-555555555555";
    let read = parse(&format!(
        r#"[{{"p":[{{"{upper}":{{"mdev_type":"t"}}}},{{"Not-One":{{"mdev_type":"t"}}}}]}}]"#
    ));
    assert_eq!(names(&read), [format!("{}@p", upper.to_lowercase()), "Not-One@p".to_owned()]);
}

#[test]
fn what_is_no_listing_is_refused_with_its_position() {
    for (text, expected) in [
        ("NaN", "line 1 column 1"),
        ("[{\"p\":\n[{]", "line 2 column 3"),
        ("[] []", "line 1 column 4"),
        ("{}", "not an array: {}"),
    ] {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    // Nested beyond what a reader should follow.
    assert!(read("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn bytes_that_are_no_utf8_cost_the_string_that_holds_them() {
    let bytes = [
        &br#"[{"p":[{"a":{"mdev_type":"x"#[..],
        b"\xff",
        br#"","attrs":[{"k":"v"},{"b":""#,
        b"\xfe",
        br#""}]}},{"b":{"mdev_type":"t"}},{"c"#,
        b"\xff",
        br#"":{"mdev_type":"t"}}]}]"#,
    ]
    .concat();
    let read = read(&bytes).unwrap();
    assert_eq!(names(&read), ["a@p", "b@p"]);
    assert_eq!(read.entries[0].mdev_type, None);
    assert_eq!(read.entries[0].attributes.len(), 1);
    assert_eq!(read.diagnostics.len(), 3, "{:?}", texts(&read));
    // The character itself is nothing wrong.
    let (entry, diagnostics) = one("{\"mdev_type\":\"x\u{fffd}\"}");
    assert_eq!(entry.mdev_type.as_deref(), Some("x\u{fffd}"));
    assert_eq!(diagnostics, [""; 0]);
}

#[test]
fn a_long_value_is_shown_shortened() {
    let long = "ä".repeat(10_000);
    let (_, diagnostics) = one(&format!(r#"{{"mdev_type":"t","attrs":["{long}"]}}"#));
    assert!(diagnostics[0].chars().count() < 300);
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    let key = prop_oneof!["mdev_type", "start", "attrs", "[a-c]{0,2}"];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused_and_no_device_comes_twice(value in json()) {
        if let Ok(entries) = read(value.to_string().as_bytes()) {
            for stream in [Stream::Defined, Stream::Active] {
                let again = read(value.to_string().as_bytes()).unwrap();
                let listing = stream.listing(nodedev_types::Revision(1), again);
                let mut ids: Vec<_> = listing.devices.unwrap().into_iter().map(|o| o.device).collect();
                prop_assert_eq!(ids.len(), entries.entries.len());
                ids.extend(listing.unreadable);
                let count = ids.len();
                ids.sort();
                ids.dedup();
                prop_assert_eq!(ids.len(), count);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}

#[test]
fn values_that_would_fill_the_memory_are_not_read() {
    let short = r#"{"":1},"#;
    let why = read(format!("[{}1]", short.repeat(9_000_000)).as_bytes()).unwrap_err();
    assert!(why.starts_with("more than 1048576 values"), "{why}");
    let read = parse(&format!("[{}1]", short.repeat(300_000)));
    assert!(read.diagnostics.len() < 300, "{}", read.diagnostics.len());
}
