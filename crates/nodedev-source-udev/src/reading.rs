//! One device being read: the ways of reading an attribute or a property, written once.
//!
//! Texts and numbers follow libvirt's rules: what is missing is absent or a default, what is there
//! and cannot be understood makes the whole device unreadable.

use nodedev_types::{Diagnostic, Fields};

use crate::files::{FileError, Files, is_shortage};
use crate::names::PciNames;
use crate::network::{Network, NoNetwork};
use crate::number;
use crate::raw_device::RawDevice;

/// The longest contents of a file of a class that libvirt takes.
pub(crate) const LONGEST: usize = 1024;

/// The longest contents of any other file that libvirt reads without libudev.
const LONGEST_LINE: usize = 4096;

/// Hardly any device has more fields.
const MOST_HAVE: usize = 24;

/// Why a classified device gives no observation.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It does not qualify as a device of its kind.
    NotADevice,
    /// It is being removed.
    Vanished,
    /// Something that the kernel makes a moment later is not there yet.
    NotYet(Diagnostic),
    /// The kernel keeps whoever asks waiting, for reasons that have nothing to do with the device.
    Held(Diagnostic),
    /// Something is there and cannot be understood.
    Unreadable(Diagnostic),
}

/// How wide an unsigned number is, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    /// `0x` is hexadecimal, `0` octal, else decimal.
    Auto,
    Decimal,
    Hexadecimal,
}

impl Base {
    const fn radix(self) -> u32 {
        match self {
            Self::Auto => 0,
            Self::Decimal => 10,
            Self::Hexadecimal => 16,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Auto => "number",
            Self::Decimal => "decimal number",
            Self::Hexadecimal => "hexadecimal number",
        }
    }
}

/// A device while it is read.
pub(crate) struct Reading<'a> {
    pub(crate) device: &'a RawDevice,
    pub(crate) files: &'a dyn Files,
    pub(crate) names: &'a dyn PciNames,
    pub(crate) network: &'a dyn Network,
    pub(crate) fields: Fields,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Whether the device was seen to be there by the last that was read of it.
    pub(crate) is_there: bool,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(
        device: &'a RawDevice,
        files: &'a dyn Files,
        names: &'a dyn PciNames,
    ) -> Self {
        Self {
            device,
            files,
            names,
            network: &NoNetwork,
            fields: Fields::with_capacity(MOST_HAVE),
            diagnostics: Vec::new(),
            is_there: false,
        }
    }

    /// The same with a network.
    pub(crate) fn with_network(mut self, network: &'a dyn Network) -> Self {
        self.network = network;
        self
    }

    /// A text attribute: without line ends at its end and without control characters, absent when
    /// it is missing, empty or refused by the kernel.
    pub(crate) fn text(&mut self, attribute: &str) -> Result<Option<String>, Refusal> {
        Ok(self.raw_attribute(attribute)?.and_then(|raw| {
            let text: String = raw.chars().filter(|&c| is_kept(c)).collect();
            Some(text).filter(|text| !text.is_empty())
        }))
    }

    /// An unsigned 32-bit attribute; absent when it is missing.
    pub(crate) fn unsigned(&mut self, attribute: &str, base: Base) -> Result<Option<u32>, Refusal> {
        self.number(attribute, base, number::unsigned)
    }

    /// An unsigned 64-bit attribute; absent when it is missing.
    pub(crate) fn unsigned_long(
        &mut self,
        attribute: &str,
        base: Base,
    ) -> Result<Option<u64>, Refusal> {
        self.number(attribute, base, number::unsigned_long)
    }

    /// A signed 32-bit attribute; absent when it is missing.
    pub(crate) fn signed(&mut self, attribute: &str, base: Base) -> Result<Option<i32>, Refusal> {
        self.number(attribute, base, number::signed)
    }

    fn number<T>(
        &mut self,
        attribute: &str,
        base: Base,
        parse: fn(&str, u32) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let read = self.files.contents(&self.path_of(attribute));
        // Too much to be a number is garbage, not absence.
        if let Err(error @ FileError::TooLarge) = &read {
            return Err(self.unreadable(attribute, error.to_string()));
        }
        let Some(raw) = self.understood(attribute, read)?.map(without_line_ends) else {
            return Ok(None);
        };
        match parse(&raw, base.radix()) {
            Some(value) => Ok(Some(value)),
            None => Err(self.not_a(base.name(), attribute, &raw)),
        }
    }

    /// A property as it stands.
    pub(crate) fn property(&mut self, name: &str) -> Option<String> {
        if self.device.lossy.contains(name) {
            self.warn(name, "property is not UTF-8");
        }
        self.device.property(name).map(str::to_owned)
    }

    /// An unsigned 32-bit property that must be there.
    pub(crate) fn property_unsigned(&mut self, name: &str, base: Base) -> Result<u32, Refusal> {
        self.property_number(name, base, number::unsigned)
    }

    /// A signed 32-bit property that must be there.
    pub(crate) fn property_signed(&mut self, name: &str, base: Base) -> Result<i32, Refusal> {
        self.property_number(name, base, number::signed)
    }

    fn property_number<T>(
        &mut self,
        name: &str,
        base: Base,
        parse: fn(&str, u32) -> Option<T>,
    ) -> Result<T, Refusal> {
        let Some(raw) = self.property(name) else {
            return Err(self.unreadable(name, "property is missing"));
        };
        parse(&raw, base.radix()).ok_or_else(|| self.not_a(base.name(), name, &raw))
    }

    /// The contents of a file, up to a NUL, with one line end cut off, as libvirt reads files without libudev.
    /// Absent when it is missing; too long for libvirt to read, it costs the device.
    pub(crate) fn line(&mut self, attribute: &str) -> Result<Option<String>, Refusal> {
        let read = self.files.contents(&self.path_of(attribute));
        if matches!(read, Err(FileError::TooLarge))
            || read.as_ref().is_ok_and(|bytes| bytes.len() > LONGEST_LINE)
        {
            return Err(self.unreadable(attribute, "larger than 4 KiB"));
        }
        Ok(self.understood(attribute, read)?.map(|mut text| {
            text.truncate(text.find('\0').unwrap_or(text.len()));
            if text.ends_with('\n') {
                text.pop();
            }
            text
        }))
    }

    /// The first line of a file of a class, as libvirt reads names and numbers there. Absent when
    /// the file is missing or has more than `most` bytes.
    pub(crate) fn first_line(
        &mut self,
        attribute: &str,
        most: usize,
    ) -> Result<Option<String>, Refusal> {
        let text = self.contents(attribute)?.filter(|text| text.len() <= most);
        Ok(text.map(|mut text| {
            text.truncate(text.find(['\0', '\n']).unwrap_or(text.len()));
            text
        }))
    }

    /// The contents of a file, as text. A file that keeps its reader waiting costs the device; one
    /// that cannot be read otherwise counts as missing.
    pub(crate) fn contents(&mut self, attribute: &str) -> Result<Option<String>, Refusal> {
        let read = self.files.contents(&self.path_of(attribute));
        self.understood(attribute, read)
    }

    fn understood(
        &mut self,
        attribute: &str,
        read: Result<Vec<u8>, FileError>,
    ) -> Result<Option<String>, Refusal> {
        match read {
            Ok(bytes) => Ok(Some(self.decode(attribute, bytes))),
            Err(error @ FileError::NoAnswer(_)) => {
                Err(self.unreadable(attribute, error.to_string()))
            }
            Err(error @ (FileError::TooLarge | FileError::Directory)) => {
                self.warn(attribute, error.to_string());
                Ok(None)
            }
            Err(FileError::Io(error)) if is_shortage(&error) => {
                Err(self.held(attribute, error.to_string()))
            }
            Err(FileError::Io(_)) => Ok(None),
        }
    }

    /// An attribute as libudev gives it: cut at a NUL, without line ends at its end.
    pub(crate) fn raw_attribute(&mut self, attribute: &str) -> Result<Option<String>, Refusal> {
        Ok(self.contents(attribute)?.map(without_line_ends))
    }

    /// An absolute path stands for itself, any other lies below the device.
    pub(crate) fn path_of(&self, attribute: &str) -> String {
        if attribute.starts_with('/') { attribute.to_owned() } else { self.device.file(attribute) }
    }

    fn decode(&mut self, attribute: &str, bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap_or_else(|error| {
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            self.warn(attribute, format!("not UTF-8, read as `{}`", shown(&text)));
            text
        })
    }

    /// The refusal of a value that is not what it should be.
    pub(crate) fn not_a(&self, wanted: &str, attribute: &str, value: &str) -> Refusal {
        self.unreadable(attribute, format!("not a {wanted}: `{}`", shown(value)))
    }

    pub(crate) fn unreadable(&self, attribute: &str, message: impl Into<String>) -> Refusal {
        Refusal::Unreadable(self.diagnostic(attribute, message))
    }

    pub(crate) fn not_yet(&self, attribute: &str) -> Refusal {
        Refusal::NotYet(self.diagnostic(attribute, "is missing"))
    }

    /// The kernel gives no answer for now.
    pub(crate) fn held(&self, whom: &str, why: impl Into<String>) -> Refusal {
        Refusal::Held(self.diagnostic(whom, why))
    }

    pub(crate) fn warn(&mut self, attribute: &str, message: impl Into<String>) {
        let diagnostic = self.diagnostic(attribute, message);
        self.diagnostics.push(diagnostic);
    }

    fn diagnostic(&self, attribute: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(self.device.syspath.as_str(), message).with_attribute(attribute)
    }
}

/// Cut at a NUL and before the line ends at its end.
fn without_line_ends(mut text: String) -> String {
    text.truncate(text.find('\0').unwrap_or(text.len()));
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    text
}

/// Control characters are dropped, except those that are white space.
const fn is_kept(c: char) -> bool {
    !matches!(c, '\u{1}'..='\u{1f}') || matches!(c, '\t' | '\n' | '\r')
}

/// A value as it appears in a message: bounded, on one line.
pub(crate) fn shown(value: &str) -> String {
    const MOST: usize = 80;
    let mut text: String = value.chars().take(MOST).flat_map(char::escape_debug).collect();
    if value.chars().nth(MOST).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::{NoNames, Scratch};

    fn with<T>(scratch: &Scratch, read: impl FnOnce(&mut Reading<'_>) -> T) -> T {
        read(&mut Reading::new(&scratch.device, scratch, &NoNames))
    }

    #[test]
    fn texts_lose_line_ends_and_control_characters_and_empty_ones_are_absent() {
        let scratch = Scratch::new("/sys/devices/x")
            .attribute("a", " one\u{1}\ttwo \n\n")
            .attribute("b", "\n")
            .attribute("c", "x\0y\n");
        let text = |name: &str| with(&scratch, |r| r.text(name)).unwrap();
        assert_eq!(text("a").as_deref(), Some(" one\ttwo "));
        assert_eq!(text("b"), None);
        assert_eq!(text("c").as_deref(), Some("x"));
        assert_eq!(text("missing"), None);
    }

    #[test]
    fn numbers_are_absent_when_missing_and_refused_when_garbage() {
        let scratch =
            Scratch::new("/sys/devices/x").attribute("n", "-1\n").attribute("bad", "12 apples\n");
        assert_eq!(with(&scratch, |r| r.unsigned("n", Base::Decimal)).unwrap(), Some(u32::MAX));
        assert_eq!(with(&scratch, |r| r.signed("missing", Base::Decimal)).unwrap(), None);
        let refusal = with(&scratch, |r| r.unsigned("bad", Base::Auto)).unwrap_err();
        let Refusal::Unreadable(diagnostic) = refusal else { panic!("{refusal:?}") };
        assert_eq!(diagnostic.to_string(), "/sys/devices/x: bad: not a number: `12 apples`");
    }

    #[test]
    fn properties_stand_as_they_are_and_numbers_in_them_must_be_there() {
        let scratch = Scratch::new("/sys/devices/x").property("E", "").property("N", "010");
        assert_eq!(with(&scratch, |r| r.property("E")).as_deref(), Some(""));
        assert_eq!(with(&scratch, |r| r.property_unsigned("N", Base::Decimal)).unwrap(), 10);
        assert!(with(&scratch, |r| r.property_unsigned("M", Base::Decimal)).is_err());
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_converted_and_reported() {
        let scratch = Scratch::new("/sys/devices/x").bytes("model", b"caf\xe9\n");
        let mut reading = Reading::new(&scratch.device, &scratch, &NoNames);
        assert_eq!(reading.text("model").unwrap().as_deref(), Some("caf\u{fffd}"));
        let diagnostic = &reading.diagnostics[0];
        assert_eq!(diagnostic.subject, "/sys/devices/x");
        assert_eq!(diagnostic.attribute.as_deref(), Some("model"));
    }

    #[test]
    fn a_file_that_libvirt_reads_by_itself_has_4_kib_at_most() {
        let scratch = Scratch::new("/sys/devices/x")
            .bytes("most", &[b'a'; 4096])
            .bytes("more", &[b'a'; 4097])
            .bytes("huge", &vec![b'a'; crate::files::MAX_ATTRIBUTE + 1]);
        let line = |name: &str| with(&scratch, |r| r.line(name));
        assert_eq!(line("most").unwrap().unwrap().len(), 4096);
        for name in ["more", "huge"] {
            assert!(matches!(line(name), Err(Refusal::Unreadable(_))), "{name}");
        }
    }

    #[test]
    fn a_huge_attribute_is_absent_and_reported() {
        let scratch = Scratch::new("/sys/devices/x")
            .bytes("model", &vec![b'a'; crate::files::MAX_ATTRIBUTE + 1]);
        let mut reading = Reading::new(&scratch.device, &scratch, &NoNames);
        assert_eq!(reading.text("model").unwrap(), None);
        assert_eq!(reading.diagnostics.len(), 1);
        let refusal = reading.unsigned("model", Base::Auto).unwrap_err();
        assert!(matches!(refusal, Refusal::Unreadable(_)), "no number is that long");
    }
}
