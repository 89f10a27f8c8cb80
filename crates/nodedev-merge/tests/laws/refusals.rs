//! A policy that could be ambiguous is not built, and the refusal names who is at odds over what.

use nodedev_merge::{
    Claim, Condition, OWNERSHIP, Policy, PolicyError, Rule, Strategy, builtin_streams,
};
use nodedev_types::fields::{device, mdev, net};
use nodedev_types::{
    DeviceId, Field, FieldSet, Fields, Key, Presence, SourceId, StreamInfo, Value,
};

fn stream(id: &str, fields: FieldSet) -> StreamInfo {
    StreamInfo::new(id, Presence::Active, fields)
}

fn refused(more: impl IntoIterator<Item = StreamInfo>) -> PolicyError {
    Policy::new(builtin_streams().into_iter().chain(more)).expect_err("a refusal")
}

const fn rule(fields: &'static [Field], strategy: Strategy) -> Rule {
    Rule { fields, strategy, condition: Condition::Always, heard: &[], why: "" }
}

#[test]
fn the_table_itself_is_accepted() {
    let policy = Policy::new(builtin_streams()).unwrap();
    let ids: Vec<_> = policy.streams().map(|stream| stream.id.as_str()).collect();
    assert_eq!(ids, ["mdevctl/active", "mdevctl/defined", "udev"]);
    assert!(policy.stream(&SourceId::new("acme")).is_none());
    assert_eq!(policy.stream(&SourceId::new("udev")).unwrap().presence, Presence::Active);
    let rows: Vec<_> = OWNERSHIP.iter().flat_map(|rule| rule.fields).collect();
    assert_eq!(rows.len(), Field::ALL.len());
}

#[test]
fn two_streams_of_one_name() {
    let error = refused([stream("udev", FieldSet::new())]);
    assert_eq!(error, PolicyError::DuplicateStream(SourceId::new("udev")));
    assert_eq!(error.to_string(), "two streams are called `udev`");
    let acme = || stream("acme", FieldSet::new()).with_namespace("acme");
    assert_eq!(refused([acme(), acme()]), PolicyError::DuplicateStream(SourceId::new("acme")));
}

#[test]
fn a_stranger_that_asserts_devices_which_are_not_its_own() {
    let error = refused([stream("acme", FieldSet::new())]);
    assert_eq!(error, PolicyError::Presence(SourceId::new("acme")));
    assert!(error.to_string().contains("`acme`"), "{error}");
    let silent = StreamInfo::new("acme", Presence::Nothing, FieldSet::new().with_namespace("acme"));
    assert!(Policy::new(builtin_streams().into_iter().chain([silent])).is_ok());
}

#[test]
fn two_streams_of_one_name_space() {
    let one = || stream("one", FieldSet::new()).with_namespace("acme");
    let two = || stream("two", FieldSet::new().with_namespace("acme"));
    let text = "name space `acme` is claimed by both `one` and `two`";
    assert_eq!(refused([one(), two()]).to_string(), text);
    assert_eq!(refused([two(), one()]).to_string(), text);
    let many = stream("many", FieldSet::new().with_namespace("b")).with_namespace("a");
    assert!(Policy::new([many.clone(), one()]).is_ok());
    let b = stream("b", FieldSet::new()).with_namespace("b");
    assert!(matches!(refused([many, b]), PolicyError::DuplicateNamespace { .. }));
}

#[test]
fn a_name_space_that_reads_as_something_else() {
    for namespace in ["", "mdev", "a:b", "/sys"] {
        let error = refused([stream("acme", FieldSet::new()).with_namespace(namespace)]);
        assert_eq!(error.to_string(), format!("`acme` cannot have the name space `{namespace}`"));
    }
}

#[test]
fn a_field_of_someone_else() {
    let driver = FieldSet::new().with(device::DRIVER);
    let error = refused([stream("acme", driver.clone())]);
    let text = "field `driver` is owned by `udev`, but `acme` declares it too";
    assert_eq!(error.to_string(), text);
    let capability = refused([stream("acme", FieldSet::new().with(device::CAPABILITY))]);
    let text = "field `capability` is owned by `udev, mdevctl/defined`, but `acme` declares it too";
    assert_eq!(capability.to_string(), text);
    // In its own name space a source may say it of its own devices.
    let acme = stream("acme", driver).with_namespace("acme");
    assert!(Policy::new(builtin_streams().into_iter().chain([acme])).is_ok());
}

#[test]
fn a_stream_that_is_heard_may_declare_the_field() {
    let active = FieldSet::new().with(mdev::TYPE);
    assert!(Policy::new([stream(SourceId::MDEVCTL_ACTIVE, active)]).is_ok());
    let defined = FieldSet::new().with(mdev::TYPE);
    let error = Policy::new([stream(SourceId::MDEVCTL_DEFINED, defined)]).unwrap_err();
    assert!(matches!(error, PolicyError::Tie { .. }));
}

#[test]
fn a_field_in_two_rules() {
    static TABLE: &[Rule] = &[
        rule(&[Field::DevicePath, Field::DeviceDriver], Strategy::Owner("a")),
        rule(&[Field::DeviceDriver], Strategy::Priority(&["b", "c"])),
    ];
    let error = Policy::with_table(TABLE, []).unwrap_err();
    assert_eq!(error.to_string(), "field `driver` stands in two rules, for `a` and for `b, c`");
}

#[test]
fn a_field_in_no_rule() {
    static TABLE: &[Rule] = &[rule(&[Field::DevicePath], Strategy::Owner("a"))];
    let error = Policy::with_table(TABLE, [stream("a", FieldSet::new().with(net::ADDRESS))]);
    let text = "field `net.address`, declared by `a`, stands in no rule";
    assert_eq!(error.unwrap_err().to_string(), text);
}

#[test]
fn a_union_of_what_is_no_list_of_texts() {
    static TABLE: &[Rule] = &[rule(&[Field::MdevAttributes], Strategy::Union(&["a", "b"]))];
    let error = Policy::with_table(TABLE, []).unwrap_err();
    assert_eq!(error, PolicyError::Union(Field::MdevAttributes));
    let text = "field `mdev.attributes` is no list of texts, so its values cannot be united";
    assert_eq!(error.to_string(), text);
}

/// The value of a field when these sources say these values.
fn merged<T>(table: &'static [Rule], key: Key<T>, said: &[(&str, Value)]) -> Option<Value> {
    let name = key.field().into();
    let has_word = |id| table.iter().any(|rule| rule.sources().contains(&id));
    let presence = |id| if has_word(id) { Presence::Active } else { Presence::Nothing };
    let streams = ["a", "b", "c"].map(|id| StreamInfo::new(id, presence(id), FieldSet::new()));
    let policy = Policy::with_table(table, streams).expect("no tie");
    let claims: Vec<_> = said
        .iter()
        .map(|(source, value)| {
            let fields: Fields = [(nodedev_types::FieldName::from(key.field()), value.clone())]
                .into_iter()
                .collect();
            (SourceId::new(source), fields)
        })
        .collect();
    let claims: Vec<_> = claims.iter().map(|(source, fields)| Claim { source, fields }).collect();
    policy.merge(&DeviceId::Computer, &claims)?.fields.value(&name).cloned()
}

fn texts(texts: &[&str]) -> Value {
    Value::Texts(texts.iter().map(ToString::to_string).collect())
}

#[test]
fn a_union_has_each_text_once_in_order_however_many_speak() {
    static TABLE: &[Rule] = &[rule(&[Field::DeviceDevlinks], Strategy::Union(&["b", "a"]))];
    let (one, two) = (texts(&["/dev/z", "/dev/b"]), texts(&["/dev/b", "/dev/a"]));
    let both = [("a", one.clone()), ("b", two.clone()), ("c", texts(&["/dev/not"]))];
    let united = Some(texts(&["/dev/a", "/dev/b", "/dev/z"]));
    assert_eq!(merged(TABLE, device::DEVLINKS, &both), united);
    let reversed = [("b", two), ("a", one.clone())];
    assert_eq!(merged(TABLE, device::DEVLINKS, &reversed), united);
    assert_eq!(merged(TABLE, device::DEVLINKS, &[("a", one)]), Some(texts(&["/dev/b", "/dev/z"])));
    assert_eq!(merged(TABLE, device::DEVLINKS, &[("c", texts(&["/dev/x"]))]), None);
}

#[test]
fn priority_takes_the_first_that_says_anything() {
    static TABLE: &[Rule] = &[rule(&[Field::DeviceDriver], Strategy::Priority(&["b", "a"]))];
    let all = [("a", "of a".into()), ("b", "of b".into()), ("c", "of c".into())];
    assert_eq!(merged(TABLE, device::DRIVER, &all), Some("of b".into()));
    let empty = [("a", "of a".into()), ("b", "".into())];
    assert_eq!(merged(TABLE, device::DRIVER, &empty), Some("".into()));
    assert_eq!(merged(TABLE, device::DRIVER, &all[..1]), Some("of a".into()));
    assert_eq!(merged(TABLE, device::DRIVER, &all[2..]), None);
}

#[test]
fn a_field_outside_the_table_is_left_out() {
    static TABLE: &[Rule] = &[rule(&[Field::DevicePath], Strategy::Owner("a"))];
    assert_eq!(merged(TABLE, device::DRIVER, &[("a", "x".into())]), None);
}

#[test]
fn presence_is_asserted_of_own_devices_only() {
    let acme = stream("acme", FieldSet::new()).with_namespace("acme");
    let policy = Policy::new(builtin_streams().into_iter().chain([acme])).unwrap();
    let presence = |source: &str, id: &DeviceId| policy.presence(&SourceId::new(source), id);
    let (own, other) = (DeviceId::foreign("acme", "x"), DeviceId::foreign("other", "x"));
    assert_eq!(presence("acme", &own), Presence::Active);
    assert_eq!(presence("acme", &other), Presence::Nothing);
    assert_eq!(presence("acme", &DeviceId::Computer), Presence::Nothing);
    assert_eq!(presence("udev", &own), Presence::Nothing);
    assert_eq!(presence("udev", &DeviceId::Computer), Presence::Active);
    assert_eq!(presence("mdevctl/defined", &DeviceId::Computer), Presence::Defined);
    assert_eq!(presence("stranger", &DeviceId::Computer), Presence::Nothing);
}
