//! Kinds of garbage, and how each is put in the place of a file, a link or a property.

use std::fs;
use std::io;

use nodedev_source_testkit::mock_host::{Item, MockHost, Record};

/// What stands where something sensible stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Garbage {
    Missing,
    Empty,
    /// 1 MiB of digits.
    Huge,
    NotUtf8,
    /// -1.
    Negative,
    /// A number of more than 64 bits.
    Overflow,
    /// What stood there, a blank and a word.
    Junk,
    /// A word that is no number.
    Word,
    Directory,
    /// A link that leads nowhere.
    Dangling,
    /// A link to something whose name makes no sense.
    Elsewhere,
}

use Garbage::*;

pub(crate) const OF_FILES: &[Garbage] =
    &[Missing, Empty, Huge, NotUtf8, Negative, Overflow, Junk, Word, Directory, Dangling];
pub(crate) const OF_LINKS: &[Garbage] = &[Missing, Dangling, Elsewhere, Word, Directory];
pub(crate) const OF_PROPERTIES: &[Garbage] =
    &[Missing, Empty, NotUtf8, Negative, Overflow, Junk, Word];

/// A directory with a name that is no address and no number.
pub(crate) const NONSENSE: &str = "/sys/banana";

impl Garbage {
    /// What is written in the place of these bytes; nothing for what is no contents.
    pub(crate) fn bytes(self, before: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Empty => Vec::new(),
            Huge => vec![b'1'; 1 << 20],
            NotUtf8 => b"\xff\xfe\n".to_vec(),
            Negative => b"-1\n".to_vec(),
            Overflow => b"99999999999999999999\n".to_vec(),
            Junk => [before.strip_suffix(b"\n").unwrap_or(before), b" junk\n"].concat(),
            Word => b"banana\n".to_vec(),
            Missing | Directory | Dangling | Elsewhere => return None,
        })
    }

    /// Puts it in the place of a file or a link.
    pub(crate) fn put(self, host: &MockHost, path: &str, before: &[u8]) -> io::Result<()> {
        host.clear(path)?;
        match self {
            Missing => Ok(()),
            Directory => host.make_dir(path),
            Dangling => host.link(path, "/sys/nowhere"),
            Elsewhere => host.link(path, NONSENSE),
            _ => host.write(path, self.bytes(before).unwrap_or_default()),
        }
    }
}

/// Makes a file or a link what it was.
pub(crate) fn restore(host: &MockHost, path: &str, item: Option<&Item>) -> io::Result<()> {
    host.clear(path)?;
    match item {
        Some(Item::Attribute(_, contents)) => host.write(path, contents),
        Some(Item::Link(_, target)) => host.link(path, target),
        _ => Ok(()),
    }
}

/// The files in which the kernel and udevd tell the properties of a device.
#[derive(Debug)]
pub(crate) struct Properties {
    files: Vec<(String, Vec<u8>)>,
}

impl Properties {
    pub(crate) fn of(host: &MockHost, record: &Record) -> Self {
        let paths = [format!("{}/uevent", record.syspath), database(record)];
        let contents = |path: String| Some((fs::read(host.real_path(&path)).ok()?, path));
        let files = paths.into_iter().filter_map(contents).map(|(bytes, path)| (path, bytes));
        Self { files: files.collect() }
    }

    /// Puts garbage in the place of a property's value, wherever it is told.
    pub(crate) fn put(&self, host: &MockHost, name: &str, garbage: Garbage) -> io::Result<()> {
        for (path, bytes) in &self.files {
            let lines = bytes.split_inclusive(|&byte| byte == b'\n');
            let changed: Vec<u8> = lines.flat_map(|line| changed(line, name, garbage)).collect();
            host.write(path, changed)?;
        }
        Ok(())
    }

    pub(crate) fn restore(&self, host: &MockHost) -> io::Result<()> {
        self.files.iter().try_for_each(|(path, bytes)| host.write(path, bytes))
    }
}

fn changed(line: &[u8], name: &str, garbage: Garbage) -> Vec<u8> {
    let (mark, rest) = match line.strip_prefix(b"E:") {
        Some(rest) => (&b"E:"[..], rest),
        None => (&b""[..], line),
    };
    let Some(value) = rest.strip_prefix(format!("{name}=").as_bytes()) else {
        return line.to_vec();
    };
    let Some(mut bytes) = garbage.bytes(value) else { return Vec::new() };
    bytes.retain(|&byte| byte != b'\n');
    [mark, name.as_bytes(), b"=", &bytes, b"\n"].concat()
}

fn database(record: &Record) -> String {
    let minor = record.value("MINOR").unwrap_or("0");
    let kind = if record.subsystem() == "block" { 'b' } else { 'c' };
    let name = match (record.value("MAJOR"), record.value("IFINDEX")) {
        (Some(major), _) => format!("{kind}{major}:{minor}"),
        (None, Some(index)) => format!("n{index}"),
        (None, None) => format!("+{}:{}", record.subsystem(), record.sysname()),
    };
    format!("/run/udev/data/{name}")
}
