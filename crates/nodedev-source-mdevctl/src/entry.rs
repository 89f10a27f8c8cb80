//! One mediated device's JSON object, as listings and definition files hold it. Pure.

use nodedev_source::{Listing, SourceError};
use nodedev_types::fields::{device, mdev};
use nodedev_types::{
    Capability, DeviceId, Diagnostic, Fields, MdevAttribute, MdevUuid, Observation, Revision,
    SourceId,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

use crate::room::note;

/// Characters of a value that a diagnostic shows.
const VALUE_LIMIT: usize = 80;

/// What mdevctl says of one mediated device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) uuid: MdevUuid,
    pub(crate) parent: String,
    pub(crate) mdev_type: Option<String>,
    pub(crate) start: Option<String>,
    pub(crate) attributes: Vec<MdevAttribute>,
}

/// Devices by identity, with what could not be used of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<Entry>,
    pub(crate) unreadable: Vec<DeviceId>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    seen: BTreeSet<DeviceId>,
}

impl Entries {
    /// Whether this is the first that is said of the device; a second is refused with a diagnostic.
    pub(crate) fn is_first(&mut self, id: &DeviceId) -> bool {
        let first = self.seen.insert(id.clone());
        if !first {
            self.warn(id.to_string(), "listed twice, the first counts");
        }
        first
    }

    /// The devices of which something was said.
    pub(crate) const fn named(&self) -> &BTreeSet<DeviceId> {
        &self.seen
    }

    pub(crate) fn warn(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        note(&mut self.diagnostics, Diagnostic::warning(subject, message));
    }

    pub(crate) fn unreadable(
        &mut self,
        id: DeviceId,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.warn(subject, message);
        self.unreadable.push(id);
    }
}

/// Reads objects and notes what it leaves out.
pub(crate) struct EntryReader<'a> {
    /// What diagnostics name.
    pub(crate) subject: String,
    /// Whether bytes that are no UTF-8 have become U+FFFD in the input.
    pub(crate) lossy: bool,
    pub(crate) diagnostics: &'a mut Vec<Diagnostic>,
}

impl EntryReader<'_> {
    /// Reads one object; whatever is wrong in it costs only itself.
    pub(crate) fn read(&mut self, uuid: &str, parent: &str, object: &Map<String, Value>) -> Entry {
        Entry {
            uuid: MdevUuid::new(uuid),
            parent: parent.to_owned(),
            mdev_type: self.mdev_type(object),
            start: self.start(object),
            attributes: self.attributes(object.get("attrs")),
        }
    }

    fn mdev_type(&mut self, object: &Map<String, Value>) -> Option<String> {
        match object.get("mdev_type") {
            None | Some(Value::Null) => {
                self.warn("mdev_type", "missing");
                None
            }
            Some(value) => self.text("mdev_type", value),
        }
    }

    fn start(&mut self, object: &Map<String, Value>) -> Option<String> {
        let start = self.text("start", object.get("start")?)?;
        if start != "auto" && start != "manual" {
            let shown = shorten(&start, VALUE_LIMIT);
            self.warn("start", format!("`{shown}` is neither auto nor manual: read as manual"));
        }
        Some(start)
    }

    fn attributes(&mut self, attrs: Option<&Value>) -> Vec<MdevAttribute> {
        match attrs {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => {
                items.iter().enumerate().filter_map(|(at, item)| self.attribute(at, item)).collect()
            }
            Some(other) => {
                self.warn("attrs", format!("not an array: {}", brief(other)));
                Vec::new()
            }
        }
    }

    fn attribute(&mut self, at: usize, item: &Value) -> Option<MdevAttribute> {
        let single = item.as_object().filter(|object| object.len() == 1);
        let Some((name, value)) = single.and_then(|object| object.iter().next()) else {
            self.warn(
                &format!("attrs[{at}]"),
                format!("not an object with one key: {}", brief(item)),
            );
            return None;
        };
        let key = format!("attrs[{at}].{}", shorten(name, VALUE_LIMIT));
        if self.is_mangled(name) {
            self.warn(&key, "the name is not UTF-8");
            return None;
        }
        let value = self.text(&key, value)?;
        Some(MdevAttribute { name: name.clone(), value })
    }

    fn text(&mut self, key: &str, value: &Value) -> Option<String> {
        let Value::String(text) = value else {
            self.warn(key, format!("not a text: {}", brief(value)));
            return None;
        };
        if self.is_mangled(text) {
            self.warn(key, format!("not UTF-8: {}", brief(value)));
            return None;
        }
        Some(text.clone())
    }

    /// Whether the text has lost bytes that were no UTF-8.
    pub(crate) fn is_mangled(&self, text: &str) -> bool {
        self.lossy && text.contains(char::REPLACEMENT_CHARACTER)
    }

    fn warn(&mut self, key: &str, message: impl Into<String>) {
        let diagnostic = Diagnostic::warning(&self.subject, message).with_attribute(key);
        note(self.diagnostics, diagnostic);
    }
}

/// A JSON value for people: short, on one line.
pub(crate) fn brief(value: &Value) -> String {
    shorten(&value.to_string(), VALUE_LIMIT)
}

/// At most so many characters of a text.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Which of the two streams is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Defined,
    Active,
}

impl Stream {
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Defined => SourceId::MDEVCTL_DEFINED,
            Self::Active => SourceId::MDEVCTL_ACTIVE,
        }
    }

    /// The arguments that make mdevctl print this stream, as libvirt passes them.
    pub(crate) const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Defined => &["list", "--dumpjson", "--defined"],
            Self::Active => &["list", "--dumpjson"],
        }
    }

    /// The listing that these entries make.
    pub(crate) fn listing(self, revision: Revision, read: Entries) -> Listing {
        let devices =
            read.entries.into_iter().map(|entry| self.observation(revision, entry)).collect();
        Listing::complete(SourceId::new(self.id()), revision, devices)
            .with_unreadable(read.unreadable)
    }

    /// The listing that could not be had.
    pub(crate) fn failed(self, revision: Revision, error: SourceError) -> Listing {
        Listing::failed(SourceId::new(self.id()), revision, error)
    }

    fn observation(self, revision: Revision, entry: Entry) -> Observation {
        let device = DeviceId::mdev(entry.uuid.as_str(), &entry.parent);
        let attributes = Some(entry.attributes).filter(|attributes| !attributes.is_empty());
        let mut fields = Fields::new();
        fields.set(mdev::UUID, entry.uuid.as_str());
        fields.set(mdev::PARENT_ADDR, entry.parent);
        match self {
            Self::Defined => {
                fields.set(device::CAPABILITY, Capability::Mdev);
                fields.set(device::AUTOSTART, entry.start.as_deref() == Some("auto"));
                fields.set_opt(mdev::DEFINED_TYPE, entry.mdev_type);
                fields.set_opt(mdev::DEFINED_ATTRIBUTES, attributes);
            }
            Self::Active => {
                fields.set_opt(mdev::TYPE, entry.mdev_type);
                fields.set_opt(mdev::ATTRIBUTES, attributes);
            }
        }
        Observation { source: SourceId::new(self.id()), device, revision, fields }
    }
}
