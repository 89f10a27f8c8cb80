//! What a fuzzer calls: bytes in, laws checked, a panic when one is broken.
//!
//! For each parser of bytes that a device, a driver, a database or the kernel has made up. Looks at
//! no file and asks no libudev. The same laws are held against seeds and mutants of them by the tests.

mod device;
mod number;

use std::cell::Cell;

use nodedev_types::fields::pci;
use nodedev_types::{Capability, PciVpd};

use crate::files::{FileError, Files};
use crate::names::PciIds;
use crate::network;
use crate::network::link_message::LinkMessage;
use crate::reading::Reading;
use crate::scratch::{NoNames, Scratch};
use crate::translate::translate;

pub use device::device;
pub use number::number;

/// A law by the name of its target.
pub type Entry = (&'static str, fn(&[u8]));

/// All of them.
pub const ENTRIES: &[Entry] = &[
    ("vpd", vpd),
    ("config", config),
    ("device", device),
    ("number", number),
    ("pci_ids", pci_ids),
    ("netlink", netlink),
];

/// More bytes than there can be of vital product data, each read at most once.
const VPD_BYTES: usize = 0x8000;

/// Vital product data is texts or nothing, and nothing is read twice or behind its end.
pub fn vpd(bytes: &[u8]) {
    let (scratch, files) = function("vpd", bytes);
    let files = Counted::new(&files);
    let mut reading = Reading::new(&scratch.device, &files, &NoNames);
    let verdict = translate(Capability::Pci, &mut reading);
    assert!(verdict.is_ok(), "no data costs the function: {verdict:?}");
    assert!(files.bytes.get() <= VPD_BYTES + CONFIG_BYTES, "{} bytes", files.bytes.get());
    match reading.fields.get(pci::VPD) {
        Some(vpd) => texts(vpd).for_each(|text| assert!(is_text(text), "{text:?}")),
        None => assert_eq!(reading.diagnostics.len(), 1, "{:?}", reading.diagnostics),
    }
}

fn texts(vpd: &PciVpd) -> impl Iterator<Item = &str> {
    let readonly = vpd.readonly.iter().flat_map(|section| {
        let single = [
            &section.change_level,
            &section.manufacture_id,
            &section.part_number,
            &section.serial_number,
        ];
        single.into_iter().flatten().chain(section.vendor_fields.iter().map(|field| &field.value))
    });
    let readwrite = vpd.readwrite.iter().flat_map(|section| {
        let fields = section.vendor_fields.iter().chain(&section.system_fields);
        section.asset_tag.iter().chain(fields.map(|field| &field.value))
    });
    vpd.name.iter().chain(readonly).chain(readwrite).map(String::as_str)
}

fn is_text(text: &str) -> bool {
    text.trim() == text && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// More than is read of configuration space: the header, a chain through all of it, the registers.
const CONFIG_BYTES: usize = 64 + 2 * 256 + 0x14;

/// Configuration space says what can be, and little of it is read, however its chain runs.
pub fn config(bytes: &[u8]) {
    let (scratch, files) = function("config", bytes);
    let files = Counted::new(&files);
    let mut reading = Reading::new(&scratch.device, &files, &NoNames);
    let verdict = translate(Capability::Pci, &mut reading);
    assert!(files.bytes.get() <= CONFIG_BYTES, "{} bytes", files.bytes.get());
    let kind = bytes.get(0x0e).map_or(0, |kind| kind & 0x7f);
    assert_eq!(verdict.is_ok(), kind <= 2, "header type {kind}");
    let links = reading.fields.get(pci::EXPRESS).into_iter().flat_map(|e| [&e.cap, &e.sta]);
    for link in links.flatten() {
        assert!(link.width < 64 && link.port.unwrap_or(0) < 256, "{link:?}");
    }
}

/// A function of which one file is as given.
fn function(file: &str, bytes: &[u8]) -> (Scratch, Scratch) {
    const BUS: &str = "/sys/bus/pci/devices/0000:00:1f.2";
    let device = || {
        Scratch::new("/sys/devices/pci0000:00/0000:00:1f.2")
            .subsystem("pci")
            .property("PCI_CLASS", "10601")
    };
    let files = device()
        .attribute("config", "")
        .bytes(&format!("{BUS}/config"), &[0; 256])
        .attribute(&format!("{BUS}/vendor"), "0x8086\n")
        .attribute(&format!("{BUS}/device"), "0x2922\n")
        .bytes(&format!("{BUS}/{file}"), bytes);
    (device(), files)
}

/// Every name is a part of one line of the text, and every identifier is found again.
pub fn pci_ids(text: &[u8]) {
    let ids = PciIds::parse(text.to_vec());
    for (vendor, device, name) in ids.all() {
        let found = match device {
            Some(device) => ids.device(vendor, device),
            None => ids.vendor(vendor),
        };
        assert!(found.is_some() && name.len() < 128 && !name.contains(&b'\n'), "{name:?}");
    }
    assert!(ids.all().count() <= text.len() / 4);
}

/// An answer of the kernel is taken apart, whatever its lengths say, into no more than it holds.
pub fn netlink(message: &[u8]) {
    let sequence = message.get(8..12).and_then(|number| number.try_into().ok());
    let sequence = sequence.map_or(0, u32::from_ne_bytes);
    for attributes in [network::message::reply(message, sequence), Some(message)] {
        let Some(attributes) = attributes else { continue };
        let features = network::message::active_features(attributes).count();
        assert!(features <= 8 * message.len(), "more than has come");
        let names = network::message::feature_names(attributes);
        let held: usize = names.iter().map(|name| name.len()).sum();
        assert!(held <= message.len() && names.len() <= 1024, "more than has come");
        assert!(network::message::Attributes::new(attributes).count() <= message.len() / 4);
    }
    let mut links = 0;
    for said in network::link_message::link_messages(message) {
        links += 1;
        let LinkMessage::Is(link) = said else { continue };
        let held = link.name.map_or(0, |name| name.len()) + link.address.map_or(0, |a| a.len());
        assert!(held <= message.len(), "{held} bytes of {}", message.len());
    }
    assert!(links <= message.len() / 16 + 1, "{links} links in {} bytes", message.len());
}

/// Files with an eye on how much is read of them.
struct Counted<'a> {
    files: &'a Scratch,
    bytes: Cell<usize>,
    questions: Cell<usize>,
}

impl<'a> Counted<'a> {
    const fn new(files: &'a Scratch) -> Self {
        Self { files, bytes: Cell::new(0), questions: Cell::new(0) }
    }

    fn asked(&self) -> &'a Scratch {
        self.questions.set(self.questions.get() + 1);
        self.files
    }
}

impl Files for Counted<'_> {
    fn contents(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.asked().contents(path)
    }

    fn part(&self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, FileError> {
        let part = self.asked().part(path, offset, len)?;
        self.bytes.set(self.bytes.get() + part.len());
        Ok(part)
    }

    fn size(&self, path: &str) -> Option<u64> {
        self.asked().size(path)
    }

    fn link_name(&self, path: &str) -> Option<String> {
        self.asked().link_name(path)
    }

    fn link_text_name(&self, path: &str) -> Option<String> {
        self.asked().link_text_name(path)
    }

    fn canonical(&self, path: &str) -> Option<String> {
        self.asked().canonical(path)
    }

    fn entries(&self, path: &str) -> Option<Vec<String>> {
        self.asked().entries(path)
    }

    fn exists(&self, path: &str) -> bool {
        self.asked().exists(path)
    }

    fn is_link(&self, path: &str) -> bool {
        self.asked().is_link(path)
    }

    fn is_privileged(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nodedev_mutants::{Mutator, blocks, seeds};

    use super::*;

    /// What means something to one of the parsers.
    const WORDS: &[&[u8]] = &[
        b"\x82\x04\0",
        b"\x90\x10\0",
        b"\x91\x10\0",
        b"x",
        b"RV",
        b"RW",
        b"PN",
        b"V0",
        b"YA",
        b"\xff\xff",
        b"\x10\x40",
        b"\0\0\0\0",
        b"\x04\0\0\0",
        b"-1",
        b"0x",
        b"0b1",
        b"4294967296",
        b"18446744073709551616",
        b"\n",
        b"\\n",
        b"\n\t",
        b"  ",
        b":",
        b".",
        b"/",
        b"..",
        b"E: ",
        b"A: ",
        b"L: ",
        b"DEVTYPE=",
        b"SUBSYSTEM=mdev\n",
        b"ID_TYPE=",
        b"virtfn0=",
        b"!",
        b"\xc3\xa9",
    ];
    /// Mutants of each target: some five seconds in all. More are tried with `cargo xtask fuzz`.
    const MUTANTS: usize = 20_000;

    fn folder(path: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
    }

    #[test]
    fn no_seed_and_no_mutant_of_one_breaks_a_law() {
        for (name, law) in ENTRIES {
            let mut inputs = seeds(&[folder(&format!("tests/fuzz/corpus/{name}"))]);
            if *name == "device" {
                inputs.extend(blocks(&folder("fixtures/hosts")));
            }
            // A whole device takes the time of ten others.
            let mutants = if *name == "device" { MUTANTS / 5 } else { MUTANTS };
            Mutator { words: WORDS, longest: 2048 }.hold(inputs, mutants, law);
        }
    }
}
