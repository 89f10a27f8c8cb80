//! What is printed as JSON keeps to `docs/dump.schema.json`, which is not lax, and to `docs/json.md`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nodedev_tests::command::{Ran, run};
use nodedev_tests::lab::Lab;
use nodedev_tests::mock::Mock;
use nodedev_tests::require::{mock_hosts, programs, require, root};
use nodedev_types::{Capability, Device};
use serde_json::{Value, json};

const UUID: &str = "11111111-2222-4333-8444-555555555555";

/// Reads documents, one a line; says for each the first thing that is wrong with it.
const VALIDATE: &str = "
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for line in sys.stdin:
    error = next(validator.iter_errors(json.loads(line)), None)
    print(json.dumps(error and '/'.join(map(str, error.absolute_path)) + ': ' + error.message))
";

fn docs(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page)
}

fn validator() -> Result<(), String> {
    let probe = ["-c", "from jsonschema import Draft202012Validator"];
    match run(Command::new("/usr/bin/python3").args(probe)).status {
        Some(0) => Ok(()),
        _ => Err("Python's jsonschema is not installed".to_owned()),
    }
}

/// What is wrong with each document.
fn errors(documents: &[Value]) -> Vec<Option<String>> {
    let lines: String = documents.iter().map(|document| format!("{document}\n")).collect();
    let mut python = Command::new("/usr/bin/python3");
    let said = piped(python.args(["-c", VALIDATE]).arg(docs("dump.schema.json")), &lines).ok();
    let errors: Vec<_> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(errors.len(), documents.len());
    errors
}

/// Runs the command with that text to read.
fn piped(command: &mut Command, text: &str) -> Ran {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    run(command.stdin(Stdio::from(input)))
}

#[track_caller]
fn check(documents: &[Value]) {
    for (document, error) in documents.iter().zip(errors(documents)) {
        assert_eq!(error, None, "{document:#}");
    }
}

fn of(devices: Value) -> Value {
    json!({ "version": 1, "devices": devices })
}

fn parsed(ran: Ran) -> Value {
    serde_json::from_str(&ran.ok()).unwrap()
}

/// Every fixture, the one with every kind also with definitions.
fn hosts() -> Vec<(Mock, String)> {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hosts");
    let files = fs::read_dir(hosts).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|ext| ext == "umockdev"));
    let mut hosts: Vec<_> = files.map(|file| Mock::load(&file)).collect();
    assert!(!hosts.is_empty());
    hosts.push(Mock::every_kind());
    let defined = |uuid: &str, parent: &str, start: &str| {
        format!(
            "{{\"{parent}\":[{{\"{uuid}\":{{\"mdev_type\":\"i915-GVTg_V5_8\",\
             \"start\":\"{start}\",\"attrs\":[{{\"weight\":\"2\"}}]}}}}]}}"
        )
    };
    let running = defined(UUID, "0000:00:02.0", "auto");
    let stopped = defined("99999999-2222-4333-8444-555555555555", "0000:99:00.0", "manual");
    let with_mdevctl = |mock: Mock| {
        let listing = format!("[{running},{stopped}]");
        let mdevctl = mock.mdevctl(&listing, &format!("[{running}]"));
        (mock, mdevctl)
    };
    let last = with_mdevctl(hosts.pop().unwrap());
    let without = hosts.into_iter().map(|mock| {
        let mdevctl = mock.mdevctl("[]", "[]");
        (mock, mdevctl)
    });
    without.chain([last]).collect()
}

/// All devices of all hosts.
fn devices() -> Vec<Value> {
    let mut all = Vec::new();
    for (mock, mdevctl) in hosts() {
        let args = ["dump", "--all-devices", "--json", "--mdevctl", &mdevctl];
        let dumped = parsed(run(&mut mock.nodedev(&args)));
        all.extend(dumped["devices"].as_array().unwrap().iter().cloned());
    }
    all
}

/// One device of each capability, the one of which most is known.
fn one_of_each() -> BTreeMap<String, Value> {
    let mut chosen: BTreeMap<String, Value> = BTreeMap::new();
    for device in devices() {
        let capability = device["capability"].as_str().unwrap().to_owned();
        let before = chosen.entry(capability).or_insert_with(|| device.clone());
        if device.to_string().len() > before.to_string().len() {
            *before = device;
        }
    }
    chosen
}

#[test]
fn every_device_of_every_fixture_keeps_to_the_schema_and_reads_back() {
    require!(root());
    require!(programs(&["unshare"]));
    require!(mock_hosts());
    require!(validator());
    for (mock, mdevctl) in hosts() {
        let nodedev = |args: &[&str]| {
            parsed(run(&mut mock.nodedev(&[args, &["--mdevctl", &mdevctl]].concat())))
        };
        let dumped = nodedev(&["dump", "--all-devices", "--json"]);
        let listed = nodedev(&["list", "--all", "--json"]);
        let (devices, rows) = (&dumped["devices"], &listed["devices"]);
        for (device, row) in devices.as_array().unwrap().iter().zip(rows.as_array().unwrap()) {
            let again: Device = serde_json::from_value(device.clone()).unwrap();
            assert_eq!(&serde_json::to_value(again).unwrap(), device);
            for (member, value) in row.as_object().unwrap() {
                assert_eq!(device.get(member), Some(value), "{member} of {row}");
            }
        }
        assert_eq!(devices.as_array().unwrap().len(), rows.as_array().unwrap().len());
        let explained = nodedev(&["explain", "computer", "--json"])["device"].take();
        let inactive = nodedev(&["dump", "--all-devices", "--inactive", "--json"]);
        check(&[dumped, listed, of(json!([explained])), inactive, of(json!([]))]);
    }
    let capabilities = one_of_each();
    for capability in Capability::ALL.iter().filter(|capability| !capability.is_nested()) {
        assert!(capabilities.contains_key(capability.as_str()), "no {capability} in the fixtures");
    }
}

#[test]
fn this_hosts_devices_keep_to_the_schema() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "mdevctl"]));
    require!(validator());
    let lab = Lab::start();
    let define = ["define", "--type", "t", "--uuid", UUID, "--parent", "0000:99:00.0"];
    lab.run("mdevctl", &define);
    let dumped = parsed(run(&mut lab.nodedev(&["dump", "--all-devices", "--json"])));
    let is_defined = |device: &Value| device["mdev"]["defined"]["type"] == "t";
    assert!(dumped["devices"].as_array().unwrap().iter().any(is_defined), "{dumped}");
    check(&[dumped, parsed(run(&mut lab.nodedev(&["dump", "computer", "--json"])))]);
}

#[test]
fn both_configurations_of_a_mediated_device_are_there() {
    require!(root());
    require!(programs(&["unshare"]));
    require!(mock_hosts());
    let (mock, mdevctl) = hosts().pop().unwrap();
    let name = format!("mdev_{UUID}_0000_00_02_0").replace('-', "_");
    let args = ["dump", &name, "--json", "--mdevctl", &mdevctl];
    let dumped = parsed(run(&mut mock.nodedev(&args)));
    let device = &dumped["devices"][0];
    assert_eq!(device["mdev"]["type"], "i915-GVTg_V5_4", "{device:#}");
    assert_eq!(device["mdev"]["defined"]["type"], "i915-GVTg_V5_8", "{device:#}");
    assert_eq!(device["mdev"]["defined"]["attributes"][0]["value"], "2", "{device:#}");
    let flags = ["active", "persistent", "autostart"].map(|flag| device[flag].clone());
    assert_eq!(flags, [true, true, true]);
    let inactive = [&args[..], &["--inactive"]].concat();
    assert_eq!(parsed(run(&mut mock.nodedev(&inactive))), dumped);
}

/// The document with one place altered, for each place below this one: a member that nobody knows, a
/// member under another name, a value of another type.
fn alterations(document: &Value, place: &str, altered: &mut Vec<Value>) {
    let mut alter = |change: &dyn Fn(&mut Value)| {
        let mut other = document.clone();
        change(other.pointer_mut(place).unwrap());
        altered.push(other);
    };
    match document.pointer(place).unwrap() {
        Value::Object(members) => {
            alter(&|object| object["unknown"] = json!(1));
            alter(&|object| *object = json!([]));
            for member in members.keys() {
                alter(&|object| {
                    let value = object[member].take();
                    object.as_object_mut().unwrap().remove(member);
                    object[format!("{member}_")] = value;
                });
            }
            let places: Vec<_> = members.keys().map(|m| format!("{place}/{m}")).collect();
            places.iter().for_each(|place| alterations(document, place, altered));
        }
        Value::Array(items) => {
            alter(&|array| *array = json!("text"));
            alter(&|array| array.as_array_mut().unwrap().push(Value::Null));
            let places: Vec<_> = (0..items.len()).map(|i| format!("{place}/{i}")).collect();
            places.iter().for_each(|place| alterations(document, place, altered));
        }
        Value::String(_) => alter(&|value| *value = json!(7)),
        Value::Number(_) => {
            alter(&|value| *value = json!("7"));
            alter(&|value| *value = json!(-1));
        }
        _ => alter(&|value| *value = json!("true")),
    }
}

#[test]
fn the_schema_finds_every_alteration() {
    require!(root());
    require!(programs(&["unshare"]));
    require!(mock_hosts());
    require!(validator());
    let mut altered = Vec::new();
    for device in one_of_each().into_values() {
        alterations(&of(json!([device])), "", &mut altered);
    }
    let unknown = json!({ "acme": { "slot": {} } });
    let mut extended = of(json!([one_of_each().remove("system")]));
    extended["devices"][0]["extensions"] = json!({ "acme": { "slot": 7, "name": ["a", "b"] } });
    check(std::slice::from_ref(&extended));
    extended["devices"][0]["extensions"] = unknown;
    altered.push(extended);
    assert!(altered.len() > 500, "{}", altered.len());
    for (document, error) in altered.iter().zip(errors(&altered)) {
        assert!(error.is_some(), "not found: {document:#}");
    }
}

#[test]
fn the_examples_of_the_page_print_something() {
    require!(root());
    require!(programs(&["unshare", "jq"]));
    require!(mock_hosts());
    let page = fs::read_to_string(docs("json.md")).unwrap();
    let examples: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("$ nodedev ")?.split_once(" | "))
        .filter(|(args, _)| !args.starts_with("watch"))
        .collect();
    assert!(examples.len() > 3, "{examples:?}");
    let (mock, mdevctl) = hosts().pop().unwrap();
    for (args, filter) in examples {
        let args: Vec<_> = args.split(' ').chain(["--mdevctl", &mdevctl]).collect();
        let printed = run(&mut mock.nodedev(&args)).ok();
        let filtered = piped(Command::new("sh").args(["-c", filter]), &printed).ok();
        assert!(!filtered.trim().is_empty() && filtered.trim() != "null", "{filter}");
    }
}

/// The device that the page shows is one.
#[test]
fn the_document_of_the_page_keeps_to_the_schema() {
    require!(validator());
    let page = fs::read_to_string(docs("json.md")).unwrap();
    let (_, rest) = page.split_once("```json\n").unwrap();
    let document: Value = serde_json::from_str(rest.split_once("```").unwrap().0).unwrap();
    serde_json::from_value::<Device>(document["devices"][0].clone()).unwrap();
    check(&[document]);
}
