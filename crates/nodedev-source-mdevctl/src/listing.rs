//! mdevctl's listings: bytes in, entries and diagnostics out. Pure.
//!
//! Reads what every version prints, from the shell script of 0.78 to 1.4, and what none should.

use nodedev_types::DeviceId;
use serde_json::{Map, Value};

use crate::entry::{Entries, EntryReader, brief};
use crate::room::Room;

/// Reads a listing. Whatever is wrong in it costs the smallest part that holds it.
///
/// # Errors
///
/// Says, with the position, why the text is no listing at all.
pub(crate) fn read(bytes: &[u8]) -> Result<Entries, String> {
    // Its bytes are bounded while mdevctl prints them.
    Room::new(usize::MAX).take(bytes)?;
    let text = String::from_utf8_lossy(bytes);
    let lossy = matches!(text, std::borrow::Cow::Owned(_));
    let mut reader = ListingReader { lossy, read: Entries::default() };
    // The shell script prints nothing at all where the kernel has no mediated devices.
    if text.trim().is_empty() {
        return Ok(reader.read);
    }
    match serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}"))? {
        Value::Array(elements) => reader.elements(&elements),
        other => return Err(format!("not an array: {}", brief(&other))),
    }
    Ok(reader.read)
}

struct ListingReader {
    lossy: bool,
    read: Entries,
}

impl ListingReader {
    fn elements(&mut self, elements: &[Value]) {
        for (at, element) in elements.iter().enumerate() {
            match element {
                Value::Object(parents) => self.parents(parents),
                other => self.read.warn(
                    format!("element {at} of the listing"),
                    format!("not an object: {}", brief(other)),
                ),
            }
        }
    }

    fn parents(&mut self, parents: &Map<String, Value>) {
        for (parent, children) in parents {
            let subject = format!("parent {parent}");
            if parent.is_empty() || self.is_mangled(parent) {
                self.read.warn(subject, "the address is empty or not UTF-8");
                continue;
            }
            match children {
                Value::Array(children) => self.children(parent, children),
                other => self.read.warn(subject, format!("not an array: {}", brief(other))),
            }
        }
    }

    fn children(&mut self, parent: &str, children: &[Value]) {
        for (at, child) in children.iter().enumerate() {
            let single = child.as_object().filter(|object| object.len() == 1);
            match single.and_then(|object| object.iter().next()) {
                Some((uuid, value)) => self.child(parent, uuid, value),
                None => self.read.warn(
                    format!("child {at} of parent {parent}"),
                    format!("not an object with one key: {}", brief(child)),
                ),
            }
        }
    }

    fn child(&mut self, parent: &str, uuid: &str, value: &Value) {
        if uuid.is_empty() || self.is_mangled(uuid) {
            let subject = format!("child {uuid} of parent {parent}");
            self.read.warn(subject, "the uuid is empty or not UTF-8");
            return;
        }
        let id = DeviceId::mdev(uuid, parent);
        if !self.read.is_first(&id) {
            return;
        }
        let subject = id.to_string();
        let Value::Object(object) = value else {
            let message = format!("not an object: {}", brief(value));
            self.read.unreadable(id, subject, message);
            return;
        };
        let mut reader =
            EntryReader { subject, lossy: self.lossy, diagnostics: &mut self.read.diagnostics };
        let entry = reader.read(uuid, parent, object);
        self.read.entries.push(entry);
    }

    fn is_mangled(&self, text: &str) -> bool {
        self.lossy && text.contains(char::REPLACEMENT_CHARACTER)
    }
}

#[cfg(test)]
mod tests;
