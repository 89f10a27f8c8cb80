//! Vital product data: a hostile format, read from the device in pieces of its own making.
//!
//! The parser takes bytes from whoever has them and knows no device. All or nothing: data that is
//! malformed anywhere is none at all.

use std::io::ErrorKind;

use nodedev_types::fields::pci;
use nodedev_types::{PciAddress, PciVpd, PciVpdField};

use crate::files::FileError;
use crate::reading::{Reading, Refusal};

/// The highest address that there can be.
const LAST_ADDRESS: usize = 0x7fff;

/// Names of large resources, and of the small one that ends all.
const IDENTIFIER: u8 = 0x82;
const READ_ONLY: u8 = 0x90;
const READ_WRITE: u8 = 0x91;
const END: u8 = 0x0f;

/// Keyword, keyword, length.
const FIELD_HEADER: usize = 3;

/// Why data is none.
#[derive(Debug, thiserror::Error)]
enum Malformed {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("ends within a resource at {0:#x}")]
    Short(usize),
    #[error("has no end")]
    Endless,
    #[error("has no read-only section")]
    NoReadOnly,
    #[error("the section at {0:#x} has no checksum")]
    NoChecksum(usize),
    #[error("the checksum at {0:#x} is wrong")]
    Checksum(usize),
    #[error("the field at {0:#x} does not fit its section")]
    Field(usize),
    #[error("the field at {0:#x} does not belong there")]
    Misplaced(usize),
    #[error("the name is no text")]
    Name,
}

pub(super) fn translate(reading: &mut Reading<'_>, at: PciAddress) -> Result<(), Refusal> {
    let path = format!("/sys/bus/pci/devices/{at}/vpd");
    let files = reading.files;
    let found = parse(&mut |offset, len| files.part(&path, offset as u64, len));
    match found {
        Ok(vpd) => reading.fields.set(pci::VPD, vpd),
        // Most functions have none, and only root is shown it.
        Err(Malformed::File(FileError::Io(error)))
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
        Err(Malformed::File(error @ FileError::NoAnswer(_))) => {
            return Err(reading.unreadable(&path, error.to_string()));
        }
        Err(malformed) => reading.warn(&path, malformed.to_string()),
    }
    Ok(())
}

/// Gives some bytes from an offset, fewer where the data ends.
type Source<'s> = dyn FnMut(usize, usize) -> Result<Vec<u8>, FileError> + 's;

fn parse(source: &mut Source<'_>) -> Result<PciVpd, Malformed> {
    let mut parser = Parser { source, at: 0, sum: 0, vpd: PciVpd::default(), is_checked: false };
    while parser.at <= LAST_ADDRESS {
        let (tag, len) = parser.header()?;
        match tag {
            END if parser.is_checked => return Ok(parser.vpd),
            END => return Err(Malformed::NoReadOnly),
            IDENTIFIER => parser.identifier(len)?,
            READ_ONLY => parser.section(len, Section::ReadOnly)?,
            READ_WRITE => parser.section(len, Section::ReadWrite)?,
            _ => parser.at += len,
        }
    }
    Err(Malformed::Endless)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    ReadOnly,
    ReadWrite,
}

struct Parser<'s, 'c> {
    source: &'s mut Source<'c>,
    at: usize,
    /// Of all bytes so far but those of resources that are passed over: as libvirt sums them.
    sum: u8,
    vpd: PciVpd,
    /// Whether there was a read-only section; its checksum is right.
    is_checked: bool,
}

impl Parser<'_, '_> {
    /// The name and the length of the resource that begins here.
    fn header(&mut self) -> Result<(u8, usize), Malformed> {
        let [first] = self.take(1)?[..] else { return Err(Malformed::Short(self.at)) };
        if first & 0x80 == 0 {
            return Ok((first >> 3, usize::from(first & 0x07)));
        }
        let [low, high] = self.take(2)?[..] else { return Err(Malformed::Short(self.at)) };
        Ok((first, usize::from(u16::from_le_bytes([low, high]))))
    }

    /// The next bytes, all of them.
    fn take(&mut self, len: usize) -> Result<Vec<u8>, Malformed> {
        if self.at + len > LAST_ADDRESS + 1 {
            return Err(Malformed::Endless);
        }
        let bytes = (self.source)(self.at, len)?;
        if bytes.len() != len {
            return Err(Malformed::Short(self.at));
        }
        self.at += len;
        self.sum = bytes.iter().fold(self.sum, |sum, &byte| sum.wrapping_add(byte));
        Ok(bytes)
    }

    fn identifier(&mut self, len: usize) -> Result<(), Malformed> {
        let bytes = self.take(len)?;
        self.vpd.name = Some(text(&bytes).ok_or(Malformed::Name)?);
        Ok(())
    }

    fn section(&mut self, len: usize, section: Section) -> Result<(), Malformed> {
        let start = self.at;
        let mut sum = self.sum;
        let bytes = self.take(len)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let at = start + len - rest.len();
            let (field, behind) = field(rest).ok_or(Malformed::Field(at))?;
            let is_last = behind.is_empty();
            match (&field.keyword, section) {
                (b"RV", Section::ReadOnly) if is_last => {
                    let upto = rest.get(..=FIELD_HEADER).ok_or(Malformed::Checksum(at))?;
                    sum = upto.iter().fold(sum, |sum, &byte| sum.wrapping_add(byte));
                    if sum != 0 || field.value.is_empty() {
                        return Err(Malformed::Checksum(at));
                    }
                    self.is_checked = true;
                    return Ok(());
                }
                (b"RW", Section::ReadWrite) if is_last => return Ok(()),
                (b"RV" | b"RW", _) => return Err(Malformed::Misplaced(at)),
                _ => self.keep(section, &field),
            }
            let used = &rest[..rest.len() - behind.len()];
            sum = used.iter().fold(sum, |sum, &byte| sum.wrapping_add(byte));
            rest = behind;
        }
        match section {
            Section::ReadOnly => Err(Malformed::NoChecksum(start)),
            Section::ReadWrite => Ok(()),
        }
    }

    /// Keeps a field that has a place. One that has none, or is no text, is passed over.
    fn keep(&mut self, section: Section, field: &Field<'_>) {
        let [letter, index] = field.keyword;
        let is_known = match (letter, index) {
            (b'V' | b'Y', index) => index.is_ascii_digit() || index.is_ascii_uppercase(),
            _ => matches!(&field.keyword, b"EC" | b"MN" | b"PN" | b"SN" | b"CP"),
        };
        // libvirt knows `CP`, which points to further data, as bytes, and shows it nowhere.
        let text = if &field.keyword == b"CP" { Some(String::new()) } else { text(field.value) };
        if let Some(value) = text.filter(|_| is_known) {
            match section {
                Section::ReadOnly => self.keep_readonly(field.keyword, value),
                Section::ReadWrite => self.keep_readwrite(field.keyword, value),
            }
        }
    }

    fn keep_readonly(&mut self, keyword: [u8; 2], value: String) {
        let section = self.vpd.readonly.get_or_insert_default();
        match &keyword {
            b"EC" => section.change_level = Some(value),
            b"MN" => section.manufacture_id = Some(value),
            b"PN" => section.part_number = Some(value),
            b"SN" => section.serial_number = Some(value),
            [b'V', index] => put(&mut section.vendor_fields, *index, value),
            _ => (),
        }
    }

    fn keep_readwrite(&mut self, keyword: [u8; 2], value: String) {
        let section = self.vpd.readwrite.get_or_insert_default();
        match &keyword {
            b"YA" => section.asset_tag = Some(value),
            [b'V', index] => put(&mut section.vendor_fields, *index, value),
            [b'Y', index] => put(&mut section.system_fields, *index, value),
            _ => (),
        }
    }
}

/// A field that comes again takes the place of the first.
fn put(fields: &mut Vec<PciVpdField>, index: u8, value: String) {
    let index = char::from(index);
    match fields.iter_mut().find(|field| field.index == index) {
        Some(field) => field.value = value,
        None => fields.push(PciVpdField { index, value }),
    }
}

struct Field<'b> {
    keyword: [u8; 2],
    value: &'b [u8],
}

/// The field at the beginning, and what is behind it.
fn field(bytes: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (&[first, second, len], behind) = bytes.split_first_chunk::<FIELD_HEADER>()?;
    let (value, behind) = behind.split_at_checked(usize::from(len))?;
    Some((Field { keyword: [first, second], value }, behind))
}

/// Printable ASCII up to a NUL, without white space around it.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let bytes = bytes[..end].trim_ascii();
    let is_text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    is_text.then(|| bytes.iter().copied().map(char::from).collect())
}

#[cfg(test)]
mod tests;
