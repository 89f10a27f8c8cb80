//! A device made of lines like those of umockdev's recordings, classified and translated.

use nodedev_types::{Diagnostic, Field, FieldName, Fields};

use super::Counted;
use crate::classify::classify;
use crate::raw_device::file_name;
use crate::reading::{Reading, Refusal};
use crate::scratch::{NoNames, Scratch};
use crate::translate::{identity, mdev_bus_name, translate};

/// Fields that the kernel does not know.
const OTHERS: [Field; 4] = [
    Field::DeviceAutostart,
    Field::MdevAttributes,
    Field::MdevDefinedType,
    Field::MdevDefinedAttributes,
];

/// A device is judged the same each time, in bounds, and whatever is wrong is said of it alone.
pub fn device(text: &[u8]) {
    let scratch = scratch(&String::from_utf8_lossy(text));
    let first = judge(&scratch);
    assert_eq!(first, judge(&scratch));
    let Some((fields, diagnostics)) = first else { return };
    for (name, _) in fields.unwrap_or_default().iter() {
        let foreign = matches!(name, FieldName::Known(field) if OTHERS.contains(field));
        assert!(!foreign, "{name}");
    }
    for diagnostic in diagnostics {
        assert_eq!(diagnostic.subject, scratch.device.syspath);
        let said = diagnostic.message.len();
        assert!(said <= 1024 + text.len(), "{said} bytes of {}", text.len());
    }
}

type Judgement = (Option<Fields>, Vec<Diagnostic>);

fn judge(scratch: &Scratch) -> Option<Judgement> {
    let files = Counted::new(scratch);
    let raw = &scratch.device;
    let by_bus = || mdev_bus_name(raw, &files).map(|_| nodedev_types::Capability::MdevTypes);
    let capability = classify(raw).or_else(by_bus)?;
    let mut reading = Reading::new(raw, &files, &NoNames);
    identity(capability, &reading).ok()?;
    let verdict = translate(capability, &mut reading);
    let Reading { fields, mut diagnostics, .. } = reading;
    let questions = files.questions.get();
    assert!(questions <= 64 + 8 * scratch.len(), "{questions} questions");
    match verdict {
        Ok(()) => Some((Some(fields), diagnostics)),
        Err(Refusal::NotADevice | Refusal::Vanished) => None,
        Err(Refusal::NotYet(why) | Refusal::Held(why) | Refusal::Unreadable(why)) => {
            diagnostics.push(why);
            Some((None, diagnostics))
        }
    }
}

/// Lines `P:`, `E:`, `A:` and `L:`. Files are there under the device's path and in its class and bus.
fn scratch(text: &str) -> Scratch {
    let path = text.lines().find_map(|line| line.strip_prefix("P: ")).unwrap_or("/devices/x");
    let mut scratch = Scratch::new(&format!("/sys{path}"));
    let lines = || text.lines().filter_map(|line| line.split_once(": "));
    for (name, value) in lines().filter_map(|(kind, rest)| pair(kind, "E", rest)) {
        scratch = match name {
            "SUBSYSTEM" => scratch.subsystem(value),
            "DEVTYPE" => scratch.devtype(value),
            "DEVNAME" => scratch.devnode(value),
            _ => scratch.property(name, value),
        };
        if value.contains(char::REPLACEMENT_CHARACTER) {
            scratch.device.lossy.insert(name.to_owned());
        }
    }
    let subsystem = scratch.device.subsystem.clone().unwrap_or_default();
    let own = file_name(path);
    let homes = [
        scratch.device.syspath.clone(),
        format!("/sys/bus/{subsystem}/devices/{own}"),
        format!("/sys/class/{subsystem}/{own}"),
    ];
    for home in homes {
        let mut entries = Vec::new();
        for (name, value) in lines().filter_map(|(kind, rest)| pair(kind, "A", rest)) {
            scratch = scratch.attribute(&below(&home, name), &value.replace("\\n", "\n"));
            entries.push(name.split('/').next().unwrap_or(name));
            scratch = listed(scratch, &home, name);
        }
        for (name, value) in lines().filter_map(|(kind, rest)| pair(kind, "L", rest)) {
            scratch = scratch.link(&below(&home, name), value);
            entries.push(name);
        }
        entries.dedup();
        scratch = scratch.directory(&home, &entries);
    }
    scratch
}

fn pair<'t>(kind: &str, wanted: &str, rest: &'t str) -> Option<(&'t str, &'t str)> {
    rest.split_once('=').filter(|_| kind == wanted)
}

/// An absolute name stands for itself.
fn below(home: &str, name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("{home}/{name}") }
}

/// The directories that a name goes through list what is in them.
fn listed(mut scratch: Scratch, home: &str, name: &str) -> Scratch {
    let mut at = below(home, name);
    while let Some((above, entry)) = at.rsplit_once('/').filter(|(above, _)| above.len() > 4) {
        scratch.enter(above, entry);
        at = above.to_owned();
    }
    scratch
}
