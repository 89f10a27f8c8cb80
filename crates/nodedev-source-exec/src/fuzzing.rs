//! What a fuzzer calls: bytes in, laws checked, a panic when one is broken.
//!
//! For what a program prints. Starts no process.

use nodedev_source::{Hint, RevisionCounter, SourceEvent};
use nodedev_types::{DeviceId, FieldName};

use crate::account::{Account, Word};
use crate::config::ExecConfig;
use crate::lines::Splitter;
use crate::message::Reader;

/// A law by the name of its target.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[("exec", exec)];

const DEVICES: usize = 8;
const LINE: usize = 512;
const TOTAL: usize = 2048;

/// Whatever is printed: what is said stays within the bounds, each field is the source's to say and of
/// its type, each foreign device its own, and each complaint short.
///
/// # Panics
///
/// When it is not so.
pub fn exec(bytes: &[u8]) {
    let mut config = ExecConfig::new("acme", "/x").unwrap_or_else(|error| panic!("{error}"));
    (config.devices_limit, config.total_limit, config.line_limit) = (DEVICES, TOTAL, LINE);
    let (reader, revisions) = (Reader::new(&config), RevisionCounter::new());
    let mut account = Account::new(&config, Hint::default());
    let mut splitter = Splitter::new(LINE);
    let mut rest = bytes;
    let mut events = Vec::new();
    loop {
        let Ok(line) = splitter.take(&mut rest) else { return };
        let Some(line) = line.or_else(|| rest.is_empty().then(|| splitter.finish()).flatten())
        else {
            if rest.is_empty() { break } else { continue }
        };
        let said = reader.read(&line.bytes);
        let word = Word { number: line.number, size: line.bytes.len(), said };
        events.extend(account.take(word, &revisions).events);
    }
    for event in &events {
        match event {
            SourceEvent::Observed(said) => {
                check_device(&said.device);
                for (name, value) in said.fields.iter() {
                    match name {
                        FieldName::Known(field) => {
                            assert!(config.fields.contains(name), "{name}");
                            assert_eq!(field.kind(), value.kind(), "{name}");
                        }
                        FieldName::Extension(extension) => assert_eq!(extension.namespace, "acme"),
                        _ => panic!("{name}"),
                    }
                }
            }
            SourceEvent::Gone { device, .. } => check_device(device),
            SourceEvent::Diagnostic(told) | SourceEvent::Unreadable { diagnostic: told, .. } => {
                assert!(told.to_string().len() < 4096, "{told}");
            }
            _ => {}
        }
    }
    let Some((listing, told)) = account.snapshot(&revisions) else { return };
    let devices = listing.devices.unwrap_or_else(|error| panic!("{error}"));
    assert!(devices.len() + listing.unreadable.len() <= DEVICES);
    assert!(told.len() <= 64, "{}", told.len());
    devices.iter().for_each(|said| check_device(&said.device));
}

fn check_device(device: &DeviceId) {
    if let DeviceId::Foreign { namespace, key } = device {
        assert!(&**namespace == "acme" && !key.is_empty(), "{device}");
    }
    assert_eq!(device.to_string().parse().as_ref(), Ok(device));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nodedev_mutants::{Mutator, seeds};

    use super::*;

    /// What means something in such a text.
    const WORDS: &[&[u8]] = &[
        b"{\"message\":\"observation\",\"device\":\"acme:a\",\"fields\":{",
        b"{\"message\":\"begin\"}\n",
        b"{\"message\":\"end\"}\n",
        b"\"device\":\"/sys/devices/a\"",
        b"\"extensions\":{\"acme\":{",
        b"\"pci\":{",
        b"\"driver\":",
        b"}}\n",
        b"\n",
        b"{",
        b"}",
        b"[",
        b"null",
        b"-1",
        b"1e999",
        b"\\u0000",
        b"\\ud800",
        b"\xff",
        b":",
        b".",
    ];
    const MUTANTS: usize = 50_000;

    #[test]
    fn no_seed_and_no_mutant_of_one_breaks_a_law() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
        for (name, law) in TARGETS {
            let mutator = Mutator { words: WORDS, longest: 4096 };
            mutator.hold(seeds(&[corpus.join(name)]), MUTANTS, law);
        }
    }
}
