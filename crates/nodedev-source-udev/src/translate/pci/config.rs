//! What configuration space says: the layout of the header, and PCI Express.
//!
//! Only root is shown more than the first 64 bytes, so for anybody else there is none of it, as with
//! libvirt. Nothing is read but what is needed: on some hardware other registers hang.

use std::io::ErrorKind;

use nodedev_types::fields::pci;
use nodedev_types::{PciAddress, PciExpress, PciLink, PciLinkSpeed};

use crate::files::FileError;
use crate::reading::{Reading, Refusal};

const HEADER: usize = 64;
const STATUS: usize = 0x06;
const STATUS_CAPABILITIES: u8 = 0x10;
const HEADER_TYPE: usize = 0x0e;
const HEADER_TYPE_MASK: u8 = 0x7f;
const CAPABILITIES: usize = 0x34;

/// Number of the capability of PCI Express.
const EXPRESS: u8 = 0x10;
/// A function that is no express one has a configuration space of this size.
const CONVENTIONAL_SIZE: u64 = 256;

/// Kinds of express functions that have no link: root-complex endpoint and event collector.
const WITHOUT_LINK: [u8; 2] = [0x9, 0xa];

/// By their code less one, in tenths of GT/s.
const SPEEDS: [u32; 6] = [25, 50, 80, 160, 320, 640];

/// Whether the space was found to be there.
pub(super) fn translate(reading: &mut Reading<'_>, at: PciAddress) -> Result<bool, Refusal> {
    if !reading.files.is_privileged() {
        return Ok(false);
    }
    let path = format!("/sys/bus/pci/devices/{at}/config");
    let mut space = Space { path, reading, is_there: true };
    let header = space.bytes::<HEADER>(0)?;
    let layout = match header[HEADER_TYPE] & HEADER_TYPE_MASK {
        0 => None,
        1 => Some("pci-bridge"),
        2 => Some("cardbus-bridge"),
        other => {
            let kind = format!("{other:#x}");
            return Err(space.reading.not_a("known type of header", &space.path, &kind));
        }
    };
    let express = space.express(&header)?;
    let Space { reading, is_there, .. } = space;
    reading.fields.set_opt(pci::HEADER, layout);
    reading.fields.set_opt(pci::EXPRESS, express);
    Ok(is_there)
}

/// The configuration space of a function.
struct Space<'r, 'a> {
    path: String,
    reading: &'r mut Reading<'a>,
    is_there: bool,
}

impl Space<'_, '_> {
    /// Some bytes of the space. What is behind its end reads as zero.
    fn bytes<const N: usize>(&mut self, offset: usize) -> Result<[u8; N], Refusal> {
        let mut bytes = [0; N];
        match self.reading.files.part(&self.path, offset as u64, N) {
            Ok(part) => {
                for (byte, read) in bytes.iter_mut().zip(part) {
                    *byte = read;
                }
                Ok(bytes)
            }
            Err(error) if is_refusal(&error) => {
                Err(self.reading.unreadable(&self.path, error.to_string()))
            }
            Err(error) => {
                let path = self.path.clone();
                self.reading.warn(&path, error.to_string());
                self.is_there = false;
                Ok(bytes)
            }
        }
    }

    fn express(&mut self, header: &[u8; HEADER]) -> Result<Option<PciExpress>, Refusal> {
        if let Some(offset) = self.capability(header, EXPRESS)? {
            let registers: [u8; 0x14] = self.bytes(offset)?;
            return Ok(Some(links(&registers)));
        }
        let size = self.reading.files.size(&self.path);
        Ok((size != Some(CONVENTIONAL_SIZE)).then(PciExpress::default))
    }

    /// Where the capability of that number lies. A chain that comes back to itself ends there.
    fn capability(&mut self, header: &[u8; HEADER], number: u8) -> Result<Option<usize>, Refusal> {
        if header[STATUS] & STATUS_CAPABILITIES == 0 {
            return Ok(None);
        }
        let mut seen = [false; 256];
        let mut next = header[CAPABILITIES];
        while usize::from(next) >= HEADER && next != 0xff {
            let offset = usize::from(next);
            if std::mem::replace(&mut seen[offset], true) {
                let path = self.path.clone();
                self.reading.warn(&path, format!("capabilities come back to {offset:#x}"));
                return Ok(None);
            }
            let [found, following] = self.bytes(offset)?;
            if found == number {
                return Ok(Some(offset));
            }
            next = following;
        }
        Ok(None)
    }
}

/// A space that cannot be opened costs the function; one that cannot be read counts as empty.
fn is_refusal(error: &FileError) -> bool {
    match error {
        FileError::NoAnswer(_) => true,
        FileError::Io(error) => {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied)
        }
        FileError::Directory | FileError::TooLarge => false,
    }
}

fn links(registers: &[u8; 0x14]) -> PciExpress {
    let kind = registers[0x02] >> 4;
    if WITHOUT_LINK.contains(&kind) {
        return PciExpress::default();
    }
    let [.., c0, c1, _, port, _, _, s0, s1] = *registers;
    let link = |port, low, high| {
        let register = u16::from_le_bytes([low, high]);
        let speed = usize::from(register & 0xf).checked_sub(1).and_then(|code| SPEEDS.get(code));
        let speed = speed.map(|&tenths| PciLinkSpeed::from_tenths(tenths));
        PciLink { port, speed, width: u64::from(register >> 4 & 0x3f) }
    };
    PciExpress { cap: Some(link(Some(u64::from(port)), c0, c1)), sta: Some(link(None, s0, s1)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::{NoNames, Scratch};
    use crate::translate::pci::tests::{CONFIG, function};
    use crate::translate::tests::{read, unreadable};

    /// A space of that size with capabilities at these offsets.
    fn space(size: usize, capabilities: &[(u8, u8, u8)]) -> Vec<u8> {
        let mut bytes = vec![0; size];
        if let Some(&(first, ..)) = capabilities.first() {
            bytes[STATUS] = STATUS_CAPABILITIES;
            bytes[CAPABILITIES] = first;
        }
        for &(at, number, next) in capabilities {
            bytes[usize::from(at)] = number;
            bytes[usize::from(at) + 1] = next;
        }
        bytes
    }

    fn express_of(config: &[u8]) -> Option<PciExpress> {
        read(&function().bytes(CONFIG, config)).unwrap().get(pci::EXPRESS).cloned()
    }

    fn link(port: Option<u64>, speed: Option<&str>, width: u64) -> Option<PciLink> {
        let speed = speed.map(|speed| speed.parse().unwrap());
        Some(PciLink { port, speed, width })
    }

    #[test]
    fn the_header_tells_bridges_apart_and_an_unknown_one_costs_the_function() {
        let header = |byte: u8| {
            let mut config = space(256, &[]);
            config[HEADER_TYPE] = byte;
            function().bytes(CONFIG, &config)
        };
        let layout = |byte| read(&header(byte)).unwrap().get(pci::HEADER).map(str::to_owned);
        assert_eq!(layout(0x80), None);
        assert_eq!(layout(0x81).as_deref(), Some("pci-bridge"));
        assert_eq!(layout(0x02).as_deref(), Some("cardbus-bridge"));
        assert!(unreadable(&header(0x03)).contains("config: not a known type of header: `0x3`"));
        assert!(unreadable(&header(0xff)).contains("`0x7f`"));
    }

    #[test]
    fn links_come_from_the_express_capability() {
        let mut config = space(256, &[(0x40, 0x01, 0x51), (0x51, EXPRESS, 0x90)]);
        config[0x53] = 0x42;
        config[0x51 + 0x0c..][..4].copy_from_slice(&[0x84, 0x00, 0x00, 0x07]);
        config[0x51 + 0x12..][..2].copy_from_slice(&[0x41, 0x00]);
        let express = express_of(&config).unwrap();
        assert_eq!(express.cap, link(Some(7), Some("16"), 8));
        assert_eq!(express.sta, link(None, Some("2.5"), 4));
        for kind in [0x92, 0xa2] {
            config[0x53] = kind;
            assert_eq!(express_of(&config), Some(PciExpress::default()));
        }
    }

    #[test]
    fn every_code_of_a_speed_has_its_text_or_none() {
        let mut config = space(256, &[(0x40, EXPRESS, 0)]);
        let texts = (0..16).map(|code| {
            config[0x40 + 0x12] = code;
            express_of(&config)
                .and_then(|express| express.sta?.speed)
                .map(|speed| speed.to_string())
        });
        let texts: Vec<_> = texts.map(Option::unwrap_or_default).collect();
        assert_eq!(texts[..7], ["", "2.5", "5", "8", "16", "32", "64"]);
        assert!(texts[7..].iter().all(String::is_empty));
    }

    #[test]
    fn without_the_capability_the_size_tells() {
        assert_eq!(express_of(&space(256, &[])), None);
        assert_eq!(express_of(&space(256, &[(0x40, 0x01, 0xff)])), None);
        for size in [64, 255, 4096] {
            assert_eq!(express_of(&space(size, &[])), Some(PciExpress::default()), "{size}");
        }
        let mut hidden = space(256, &[(0x40, EXPRESS, 0)]);
        hidden[STATUS] = 0xef;
        assert_eq!(express_of(&hidden), None);
    }

    #[test]
    fn what_is_behind_the_end_reads_as_zero() {
        assert_eq!(express_of(b""), Some(PciExpress::default()));
        let mut cut = space(256, &[(0xf0, EXPRESS, 0)]);
        cut[0xfc] = 0x83;
        let express = express_of(&cut).unwrap();
        assert_eq!(express.cap, link(Some(0), Some("8"), 8));
        assert_eq!(express.sta, link(None, None, 0));
    }

    #[test]
    fn a_loop_in_a_capability_chain_is_bounded_and_named() {
        let config = space(256, &[(0x40, 0x01, 0x50), (0x50, 0x05, 0x40)]);
        let scratch = function().bytes(CONFIG, &config);
        let mut reading = Reading::new(&scratch.device, &scratch, &NoNames);
        translate(&mut reading, "0000:00:1f.2".parse().unwrap()).unwrap();
        assert_eq!(reading.fields.get(pci::EXPRESS), None);
        assert!(reading.diagnostics[0].to_string().contains("come back to 0x40"));
    }

    #[test]
    fn only_root_is_told_and_must_be_able_to_open_it() {
        let mut config = space(64, &[]);
        config[HEADER_TYPE] = 1;
        let fields = read(&function().bytes(CONFIG, &config).unprivileged()).unwrap();
        assert_eq!((fields.get(pci::HEADER), fields.get(pci::EXPRESS)), (None, None));
        let closed = |error| -> Scratch { function().failing(CONFIG, error) };
        assert!(unreadable(&closed(ErrorKind::PermissionDenied)).contains("config"));
        let fields = read(&closed(ErrorKind::Other)).unwrap();
        assert_eq!(fields.get(pci::HEADER), None);
    }
}
