//! Hosts of the fixtures, what the source says of them, and the difference that garbage has made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nodedev_source::NodeDeviceSource;
use nodedev_source_testkit::mock_host::MockHost;
use nodedev_source_udev::UdevSource;
use nodedev_types::fields::{ccwgroup, device};
use nodedev_types::{DeviceId, Diagnostic, Field, FieldName, Fields, Value};

use super::rules::{Said, Verdict};
use super::subject::Subject;

/// Every recording of the fixtures by its name, with its text.
pub(crate) fn fixtures() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hosts");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let recordings = paths.filter(|path| path.extension().is_some_and(|e| e == "umockdev"));
    let mut texts: Vec<_> = recordings
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned())
        })
        .collect();
    texts.sort();
    texts
}

/// Makes the host anew, with what the text format cannot say.
pub(crate) fn build(host: &mut MockHost, text: &str) {
    for folder in ["/sys", "/run/udev/data", "/dev"] {
        host.clear(folder).unwrap();
    }
    *host = MockHost::of_this_process().unwrap();
    host.load(text).unwrap();
    let nodes = text.lines().filter_map(|line| line.strip_prefix("N: "));
    for node in nodes.filter_map(|node| node.split('=').next()) {
        host.write(&format!("/dev/{node}"), "").unwrap();
    }
}

/// What a new source says of the host.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) devices: BTreeMap<DeviceId, Fields>,
    pub(crate) unreadable: BTreeSet<DeviceId>,
    diagnostics: BTreeSet<Diagnosis>,
}

/// Subject, attribute and message of a diagnostic.
type Diagnosis = (String, String, String);

/// Reads the host. One source serves for all readings: it loads the names of PCI devices once.
pub(crate) async fn look(source: &UdevSource) -> Seen {
    let snapshot = source.snapshot().await.unwrap();
    let diagnosis = |d: Diagnostic| (d.subject, d.attribute.unwrap_or_default(), d.message);
    let diagnostics = snapshot.diagnostics.into_iter().map(diagnosis).collect();
    let listing = snapshot.listings.into_iter().next().unwrap();
    let devices = listing.devices.unwrap().into_iter();
    Seen {
        devices: devices.map(|said| (said.device, in_order(said.fields))).collect(),
        unreadable: listing.unreadable.into_iter().collect(),
        diagnostics,
    }
}

/// A link that was taken away and put back is elsewhere in its directory, whose order is shown.
fn in_order(mut fields: Fields) -> Fields {
    if let Some(members) = fields.get(ccwgroup::MEMBERS) {
        let mut members = members.to_vec();
        members.sort_by(|a, b| a.reference.cmp(&b.reference));
        fields.set(ccwgroup::MEMBERS, members);
    }
    fields
}

/// What one piece of garbage costs one device.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) verdict: Verdict,
    pub(crate) fields: &'a [Field],
    /// The last component of what was damaged.
    pub(crate) name: &'a str,
    /// What a reader of texts finds there.
    pub(crate) text: String,
}

impl Seen {
    /// Whether something is wrong with a device.
    pub(crate) fn is_ill(&self, path: &str) -> bool {
        self.diagnostics.iter().any(|(subject, ..)| subject == path)
    }

    /// What is otherwise than it should be.
    ///
    /// The newcomers were no devices, and may have become some by their properties.
    pub(crate) fn compare(
        &self,
        after: &Self,
        expected: &[Expected<'_>],
        newcomers: &[&str],
    ) -> Vec<String> {
        let mut problems = Vec::new();
        let mut concerned: BTreeSet<&DeviceId> = expected.iter().map(|e| &e.subject.id).collect();
        concerned.extend(after.devices.iter().filter_map(|(id, fields)| {
            let is_new = newcomers.contains(&fields.get(device::PATH)?);
            (is_new && !self.devices.contains_key(id)).then_some(id)
        }));
        for id in self.devices.keys().chain(after.devices.keys()).collect::<BTreeSet<_>>() {
            if !concerned.contains(id) && self.devices.get(id) != after.devices.get(id) {
                let change = change(self.devices.get(id), after.devices.get(id));
                problems.push(format!("{id}, which it does not concern, changes: {change}"));
            }
        }
        let mut paths: BTreeSet<&str> = expected.iter().map(|e| e.subject.path.as_str()).collect();
        paths.extend(newcomers);
        for said in after.diagnostics.difference(&self.diagnostics) {
            if !paths.contains(said.0.as_str()) {
                problems.push(format!("said of one that it does not concern: {said:?}"));
            }
        }
        for one in expected {
            problems.extend(one.problem(self, after));
        }
        problems
    }
}

impl Expected<'_> {
    fn problem(&self, before: &Seen, after: &Seen) -> Option<String> {
        let id = &self.subject.id;
        if self.verdict == Verdict::Own {
            return None;
        }
        let (is_there, is_unreadable) =
            (after.devices.contains_key(id), after.unreadable.contains(id));
        let want = match self.verdict {
            Verdict::Discard => (false, true),
            Verdict::NotADevice => (false, false),
            _ => (true, false),
        };
        if (is_there, is_unreadable) != want {
            let said = self.said(before, after);
            return Some(format!(
                "{id}: {:?} expected; there: {is_there}, unreadable: {is_unreadable}; {said:?}",
                self.verdict
            ));
        }
        let old = &before.devices[id];
        self.fields_problem(old, after.devices.get(id)).or_else(|| self.said_problem(before, after))
    }

    fn fields_problem(&self, old: &Fields, new: Option<&Fields>) -> Option<String> {
        let new = new?;
        let names = || self.fields.iter().map(|&field| FieldName::from(field));
        let (mut want, mut is) = (old.clone(), new.clone());
        match &self.verdict {
            Verdict::Keep | Verdict::KeepAnd(_) => {}
            Verdict::Without(_) => names().for_each(|name| drop(want.remove(&name))),
            Verdict::Number(number) => {
                names().for_each(|name| want.insert(name, Value::Number((*number).into())));
            }
            Verdict::Text(_) => {
                names().for_each(|name| want.insert(name, Value::Text(self.text.clone())));
            }
            _ => names().for_each(|name| {
                want.remove(&name);
                is.remove(&name);
            }),
        }
        (want != is)
            .then(|| format!("{:?} expected, but {}", self.verdict, change(Some(&want), Some(&is))))
    }

    fn said_problem(&self, before: &Seen, after: &Seen) -> Option<String> {
        let said = self.said(before, after);
        let want = match self.verdict {
            Verdict::Without(said)
            | Verdict::Text(said)
            | Verdict::Changes(said)
            | Verdict::KeepAnd(said) => said,
            Verdict::Discard => Said::Yes,
            _ => Said::No,
        };
        let named = |(_, attribute, message): &&Diagnosis| {
            attribute.contains(self.name)
                || attribute.contains(&self.text)
                || message.contains(self.name)
                || message.contains(&self.text)
        };
        match want {
            Said::Yes if !said.iter().any(named) => Some(format!(
                "{:?}, and nothing is said of `{}`: {said:?}",
                self.verdict, self.name
            )),
            Said::No if !said.is_empty() => {
                Some(format!("{:?}, yet it is said: {said:?}", self.verdict))
            }
            _ => None,
        }
    }

    fn said<'s>(&self, before: &'s Seen, after: &'s Seen) -> Vec<&'s Diagnosis> {
        let new = after.diagnostics.difference(&before.diagnostics);
        new.filter(|(subject, ..)| *subject == self.subject.path).collect()
    }
}

fn change(before: Option<&Fields>, after: Option<&Fields>) -> String {
    let (Some(before), Some(after)) = (before, after) else {
        return if before.is_some() { "it goes" } else { "it comes" }.to_owned();
    };
    let names: BTreeSet<&FieldName> =
        before.iter().map(|(name, _)| name).chain(after.iter().map(|(name, _)| name)).collect();
    let changed = names.into_iter().filter(|name| before.value(name) != after.value(name));
    let changed = changed
        .map(|name| format!("{name}: {:?} instead of {:?}", after.value(name), before.value(name)));
    changed.collect::<Vec<_>>().join(", ")
}
