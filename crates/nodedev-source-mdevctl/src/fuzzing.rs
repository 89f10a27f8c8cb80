//! What a fuzzer calls: bytes in, laws checked, a panic when one is broken.
//!
//! For the two texts that other programs write: mdevctl's listings and its definition files. Looks at
//! no file and starts no process.

use serde_json::{Map, Value, json};

use crate::definitions;
use crate::entry::{Entries, Entry, EntryReader};
use crate::listing;

/// A law by the name of its target.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[("listing", listing), ("definition", definition)];

/// What was understood of a listing is, listed again, understood as the same.
pub fn listing(bytes: &[u8]) {
    let Ok(read) = listing::read(bytes) else { return };
    bounded(&read, bytes.len());
    let elements = read.entries.iter().map(|entry| {
        let device = json!({ entry.uuid.as_str(): Value::Object(object(entry)) });
        json!({ &entry.parent: [device] })
    });
    let again = Value::Array(elements.collect()).to_string();
    let again = listing::read(again.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.entries, read.entries);
    assert!(again.unreadable.is_empty(), "{:?}", again.unreadable);
}

/// So is a definition, and the name of its file is a uuid or none.
pub fn definition(bytes: &[u8]) {
    if let Some(uuid) = std::str::from_utf8(bytes).ok().and_then(definitions::parse_uuid) {
        assert_eq!(definitions::parse_uuid(&uuid), Some(uuid));
    }
    let Ok(found) = definitions::parse(bytes) else { return };
    let mut read = Entries::default();
    let entry = entry(&mut read, &found);
    bounded(&read, bytes.len());
    let mut again = Entries::default();
    assert_eq!(self::entry(&mut again, &object(&entry)), entry);
}

fn entry(read: &mut Entries, found: &Map<String, Value>) -> Entry {
    let subject = "definition".to_owned();
    let mut reader = EntryReader { subject, lossy: false, diagnostics: &mut read.diagnostics };
    reader.read("11111111-2222-3333-4444-555555555555", "0000:00:02.0", found)
}

/// What mdevctl would have written.
fn object(entry: &Entry) -> Map<String, Value> {
    let attributes =
        entry.attributes.iter().map(|attribute| json!({ &attribute.name: attribute.value }));
    let attributes: Vec<Value> = attributes.collect();
    let mut object = Map::new();
    object.insert("mdev_type".to_owned(), json!(entry.mdev_type));
    object.insert("attrs".to_owned(), Value::Array(attributes));
    if let Some(start) = &entry.start {
        object.insert("start".to_owned(), json!(start));
    }
    object
}

/// A text of that many bytes holds no more devices and complaints, and each complaint is short.
fn bounded(read: &Entries, bytes: usize) {
    let devices = read.entries.len() + read.unreadable.len();
    assert!(devices + read.diagnostics.len() <= 2 + bytes, "{devices} devices of {bytes} bytes");
    for diagnostic in &read.diagnostics {
        assert!(diagnostic.message.len() <= 1024, "{diagnostic}");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nodedev_mutants::{Mutator, seeds};

    use super::*;

    /// What means something in such a text.
    const WORDS: &[&[u8]] = &[
        b"[",
        b"]",
        b"{",
        b"}",
        b"\"\"",
        b":",
        b",",
        b"null",
        b"{}",
        b"[]",
        b"-1",
        b"1e999",
        b"\"mdev_type\":",
        b"\"start\":",
        b"\"auto\"",
        b"\"attrs\":[",
        b"\\u0000",
        b"\\ud800",
        b"\xff",
        b"\xef\xbf\xbd",
        b"urn:uuid:",
        b"-",
    ];
    /// Mutants of each target: some two seconds in all. More are tried with `cargo fuzz`.
    const MUTANTS: usize = 100_000;

    #[test]
    fn no_seed_and_no_mutant_of_one_breaks_a_law() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
        for (name, law) in TARGETS {
            let mutator = Mutator { words: WORDS, longest: 4096 };
            mutator.hold(seeds(&[corpus.join(name)]), MUTANTS, law);
        }
    }
}
