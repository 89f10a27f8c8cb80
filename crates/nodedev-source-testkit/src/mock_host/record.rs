//! Descriptions of devices, and umockdev's text format for them.

use std::fmt::Write as _;

/// One thing in the directory of a device, or one that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A file with these contents.
    Attribute(String, Vec<u8>),
    /// A symbolic link to this target.
    Link(String, String),
    /// A link to the device node, below `/dev`.
    Devlink(String),
}

/// What a device is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Path with `/sys` in front.
    pub syspath: String,
    /// udev properties in order, `SUBSYSTEM` among them.
    pub properties: Vec<(String, String)>,
    /// Files and links.
    pub items: Vec<Item>,
}

impl Record {
    /// A device at this path, with `/sys` in front, of that subsystem.
    #[must_use]
    pub fn new(syspath: &str, subsystem: &str) -> Self {
        let record = Self { syspath: syspath.to_owned(), ..Self::default() };
        record.property("SUBSYSTEM", subsystem)
    }

    /// The same with this property, instead of one of that name.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.set_property(name, value);
        self
    }

    /// The same with a file of that name, below the device's directory.
    #[must_use]
    pub fn attribute(self, name: &str, contents: &str) -> Self {
        self.bytes(name, contents.as_bytes())
    }

    /// The same with a file of bytes.
    #[must_use]
    pub fn bytes(mut self, name: &str, contents: &[u8]) -> Self {
        let item = Item::Attribute(name.to_owned(), contents.to_owned());
        self.items.push(item);
        self
    }

    /// The same with a link. A relative target starts at the link's directory.
    #[must_use]
    pub fn link(mut self, name: &str, target: &str) -> Self {
        let item = Item::Link(name.to_owned(), target.to_owned());
        self.items.push(item);
        self
    }

    /// The same with a link to the device node, a name below `/dev`.
    #[must_use]
    pub fn devlink(mut self, name: &str) -> Self {
        self.items.push(Item::Devlink(name.to_owned()));
        self
    }

    /// Sets a property, in place if there is one of that name.
    pub fn set_property(&mut self, name: &str, value: &str) {
        match self.properties.iter_mut().find(|(at, _)| at == name) {
            Some((_, at)) => value.clone_into(at),
            None => self.properties.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The value of a property.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.properties.iter().find(|(at, _)| at == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The kernel's subsystem, empty where there is none.
    #[must_use]
    pub fn subsystem(&self) -> &str {
        self.value("SUBSYSTEM").unwrap_or_default()
    }

    /// The last component of the path.
    #[must_use]
    pub fn sysname(&self) -> &str {
        self.syspath.rsplit('/').next().unwrap_or_default()
    }

    /// The path without `/sys`, as events name it.
    #[must_use]
    pub fn devpath(&self) -> &str {
        self.syspath.strip_prefix("/sys").unwrap_or(&self.syspath)
    }

    /// The file that the kernel shows as `uevent`.
    pub(super) fn uevent_file(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.properties {
            let value = match name.as_str() {
                "DEVNAME" => value.strip_prefix("/dev/").unwrap_or(value),
                _ => value,
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}={value}");
        }
        text
    }

    /// udevd's database entry: its name, and what is in it.
    pub(super) fn database_entry(&self) -> (String, String) {
        let minor = self.value("MINOR").unwrap_or("0");
        let name = if let Some(major) = self.value("MAJOR") {
            let kind = if self.subsystem() == "block" { 'b' } else { 'c' };
            format!("{kind}{major}:{minor}")
        } else if let Some(index) = self.value("IFINDEX") {
            format!("n{index}")
        } else {
            format!("+{}:{}", self.subsystem(), self.sysname())
        };
        let mut text = "I:1\n".to_owned();
        for item in &self.items {
            if let Item::Devlink(link) = item {
                let _ = writeln!(text, "S:{}", link.trim_start_matches("/dev/"));
            }
        }
        for (name, value) in &self.properties {
            if name.starts_with("ID_") {
                let _ = writeln!(text, "E:{name}={value}");
            }
        }
        (name, text)
    }
}

/// A line that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct MalformedRecord {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: &'static str,
}

/// Reads umockdev's text format: `P:`, `E:`, `A:`, `H:`, `L:` and `S:` lines. `N:` lines, which hold
/// the contents of device nodes, and comments are passed over.
///
/// # Errors
///
/// [`MalformedRecord`] for the first line that is none of these.
pub fn parse(text: &str) -> Result<Vec<Record>, MalformedRecord> {
    let mut records: Vec<Record> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let malformed = |message| MalformedRecord { line: number + 1, message };
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (kind, rest) = line.split_once(": ").ok_or_else(|| malformed("no `: `"))?;
        if kind == "P" {
            records.push(Record { syspath: format!("/sys{rest}"), ..Record::default() });
            continue;
        }
        let record = records.last_mut().ok_or_else(|| malformed("no `P:` before it"))?;
        let pair = || rest.split_once('=').ok_or_else(|| malformed("no `=`"));
        match kind {
            "E" => {
                let (name, value) = pair()?;
                record.set_property(name, value);
            }
            "A" => {
                let (name, value) = pair()?;
                let item = Item::Attribute(name.to_owned(), unescape(value));
                record.items.push(item);
            }
            "H" => {
                let (name, value) = pair()?;
                let bytes = hexadecimal(value).ok_or_else(|| malformed("odd hexadecimal"))?;
                record.items.push(Item::Attribute(name.to_owned(), bytes));
            }
            "L" => {
                let (name, target) = pair()?;
                let item = Item::Link(name.to_owned(), target.to_owned());
                record.items.push(item);
            }
            "S" => record.items.push(Item::Devlink(rest.to_owned())),
            "N" => {}
            _ => return Err(malformed("unknown kind of line")),
        }
    }
    Ok(records)
}

/// C escapes: `\n`, `\t`, `\\` and the like, and up to three octal digits.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes().peekable();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(escaped) = bytes.next() else { break };
        out.push(match escaped {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'f' => 0x0c,
            b'v' => 0x0b,
            b'b' => 0x08,
            b'0'..=b'7' => {
                let mut value = escaped - b'0';
                for _ in 0..2 {
                    let Some(digit) = bytes.next_if(|b| (b'0'..=b'7').contains(b)) else {
                        break;
                    };
                    value = value.wrapping_mul(8).wrapping_add(digit - b'0');
                }
                value
            }
            other => other,
        });
    }
    out
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_read() {
        let text = "P: /devices/x/sda\nN: sda\nS: disk/by-id/a\nE: SUBSYSTEM=block\n\
            E: DEVNAME=/dev/sda\nE: MAJOR=8\nE: MINOR=16\nE: ID_SERIAL=a=b\nA: size=12\\n\\101\\\\\nH: config=80fF\n\
            L: driver=../sd\n\nP: /devices/x\n";
        let records = parse(text).unwrap();
        let disk = Record::new("/sys/devices/x/sda", "block")
            .devlink("disk/by-id/a")
            .property("DEVNAME", "/dev/sda")
            .property("MAJOR", "8")
            .property("MINOR", "16")
            .property("ID_SERIAL", "a=b")
            .attribute("size", "12\nA\\")
            .bytes("config", &[0x80, 0xff])
            .link("driver", "../sd");
        assert_eq!(records[0], disk);
        assert_eq!(records[1].syspath, "/sys/devices/x");
        let (name, entry) = disk.database_entry();
        assert_eq!(name, "b8:16");
        assert_eq!(entry, "I:1\nS:disk/by-id/a\nE:ID_SERIAL=a=b\n");
        assert!(disk.uevent_file().contains("DEVNAME=sda\n"));
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line) in [("E: A=b\n", 1), ("P: /x\nA: a\n", 2), ("P: /x\n\nH: a=8\n", 3)] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
