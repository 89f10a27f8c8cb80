//! What the list of a daemon has to be: that of another instance which has just read everything, the
//! network interfaces that sysfs has, the definitions that mdevctl lists. And what its self-check, where it is
//! on, has to have found: nothing.
//!
//! Asks and compares; changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::varlink::Varlink;
use crate::command::run;
use crate::lab::Lab;

/// Devices by name, each with all that is known of it.
pub(super) type Devices = BTreeMap<String, Value>;

/// What differs may be on its way; it is looked at again this often.
const AGAIN: Duration = Duration::from_millis(50);

/// Where the list differs from the truth, once it has had this time to become it. Nothing if it is true.
pub(super) fn differences(lab: &Lab, socket: &Path, patience: Duration) -> Vec<String> {
    let deadline = Instant::now() + patience;
    loop {
        let differ = compare(lab, socket);
        if differ.is_empty() || Instant::now() > deadline {
            return differ;
        }
        std::thread::sleep(AGAIN);
    }
}

/// The sources in which the self-check of this daemon ever found a device to differ. It has healed that, so the
/// list does not show it.
pub(super) fn drifts(socket: &Path) -> Vec<String> {
    let sources =
        Varlink::connect(socket).and_then(|mut client| client.call("Sources", &json!({})));
    match sources {
        Ok(told) => drifted(&told),
        Err(error) => vec![format!("the sources cannot be asked for: {error}")],
    }
}

fn drifted(told: &Value) -> Vec<String> {
    let Some(sources) = told["sources"].as_array().filter(|sources| !sources.is_empty()) else {
        return vec![format!("no source is told of: {told}")];
    };
    let differed = sources.iter().filter(|source| source["drifts"] != 0);
    differed
        .map(|source| {
            format!(
                "{}: the self-check found {} devices that differ",
                source["name"], source["drifts"]
            )
        })
        .collect()
}

/// The list of the daemon at this socket, whole documents and all.
pub(super) fn devices(lab: &Lab, connect: &str) -> Result<Devices, String> {
    let dump = ["dump", "--all-devices", "--json", "--connect", connect];
    let ran = run(&mut lab.nodedev(&dump));
    let parsed: Value = serde_json::from_str(&ran.stdout).map_err(|_| format!("{ran:?}"))?;
    let devices = parsed["devices"].as_array().ok_or("a dump has no devices")?;
    let named = devices.iter().map(|device| (text(&device["name"]), device.clone()));
    Ok(named.collect())
}

fn compare(lab: &Lab, socket: &Path) -> Vec<String> {
    let ours = devices(lab, &socket.to_string_lossy());
    let fresh = devices(lab, "none");
    match (ours, fresh) {
        (Ok(ours), Ok(fresh)) => {
            let mut differ = between(&ours, &fresh, "a fresh list");
            differ.extend(sets(&interfaces(&ours), &interfaces_of_sysfs(lab), "sysfs"));
            differ.extend(sets(&definitions(&ours), &definitions_of_mdevctl(lab), "mdevctl"));
            differ
        }
        (ours, fresh) => [ours.err(), fresh.err()].into_iter().flatten().collect(),
    }
}

/// Where a list differs from another one.
pub(super) fn between(ours: &Devices, other: &Devices, what: &str) -> Vec<String> {
    let names: BTreeSet<_> = ours.keys().chain(other.keys()).collect();
    let differ = names.into_iter().filter(|name| ours.get(*name) != other.get(*name));
    differ.map(|name| difference(name, ours.get(name), other.get(name), what)).collect()
}

fn difference(name: &str, ours: Option<&Value>, other: Option<&Value>, what: &str) -> String {
    match (ours, other) {
        (Some(_), None) => format!("{name} is listed, {what} has none"),
        (None, _) => format!("{name} is not listed, {what} has it"),
        (Some(ours), Some(other)) => {
            let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
            let (ours, other) = (members(ours), members(other));
            let keys: BTreeSet<_> = ours.keys().chain(other.keys()).collect();
            let differ = keys.into_iter().filter(|key| ours.get(*key) != other.get(*key));
            let said =
                differ.map(|key| format!("{key}: {:?}, {:?}", ours.get(key), other.get(key)));
            format!("{name}: the list and {what}: {}", said.collect::<Vec<_>>().join("; "))
        }
    }
}

fn sets(ours: &BTreeSet<String>, other: &BTreeSet<String>, what: &str) -> Vec<String> {
    let extra = ours.difference(other).map(|one| format!("`{one}` is listed, {what} has none"));
    let lost = other.difference(ours).map(|one| format!("`{one}` is not listed, {what} has it"));
    extra.chain(lost).collect()
}

fn interfaces(devices: &Devices) -> BTreeSet<String> {
    let interfaces = devices.values().map(|device| text(&device["net"]["interface"]));
    interfaces.filter(|name| !name.is_empty()).collect()
}

fn interfaces_of_sysfs(lab: &Lab) -> BTreeSet<String> {
    lab.run("ls", &["/sys/class/net"]).lines().map(str::to_owned).collect()
}

/// Each as `PARENT UUID TYPE START`.
fn definitions(devices: &Devices) -> BTreeSet<String> {
    let defined = devices.values().filter(|device| device["persistent"] == true);
    let defined = defined.filter(|device| device["mdev"].is_object());
    defined
        .map(|device| {
            let mdev = &device["mdev"];
            let start = if device["autostart"] == true { "auto" } else { "manual" };
            let id = text(&device["id"]);
            let (uuid, parent) =
                id.strip_prefix("mdev:").and_then(|id| id.split_once('@')).unwrap_or_default();
            let type_of = &mdev["defined"]["type"];
            format!("{parent} {uuid} {} {start}", text(type_of))
        })
        .collect()
}

fn definitions_of_mdevctl(lab: &Lab) -> BTreeSet<String> {
    // By lines, which mdevctl 1.2 writes as UUID PARENT TYPE START; its JSON lacks no field of these.
    let listed = lab.run("mdevctl", &["list", "--defined"]);
    listed
        .lines()
        .filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [uuid, parent, type_of, start, ..] = words[..] else { return None };
            Some(format!("{parent} {uuid} {type_of} {start}"))
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_the_self_check_found_to_differ_is_told() {
        let told = |drifts| drifted(&json!({ "sources": [{ "name": "udev", "drifts": drifts }] }));
        assert_eq!(told(0), [""; 0]);
        assert_eq!(told(2), ["\"udev\": the self-check found 2 devices that differ"]);
        assert_eq!(drifted(&json!({})).len(), 1, "nothing is known");
    }
}
