//! The definition files, one by one: what is left when mdevctl refuses them all because of one.
//!
//! Reads below the configuration directory only, never blocks on what is no regular file, and
//! writes nothing. A file is `<parent>/<uuid>`; links are not followed, as mdevctl does not.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::fcntl::OFlag;
use nodedev_types::{DeviceId, Diagnostic, MdevUuid};
use serde_json::{Map, Value};

use crate::config::MdevctlConfig;
use crate::entry::{Entries, EntryReader, brief};
use crate::room::{Room, note};

/// Holds mdevctl's scripts, not a parent's definitions.
pub(crate) const SCRIPTS: &str = "scripts.d";

/// A file that ought to hold a definition.
#[derive(Debug)]
struct DefinitionFile {
    path: PathBuf,
    parent: String,
    uuid: String,
}

/// What lies in the configuration directory.
#[derive(Debug, Default)]
struct Scan {
    files: Vec<DefinitionFile>,
    diagnostics: Vec<Diagnostic>,
    /// Whether there is a name that mdevctl ends at: one that is not UTF-8.
    has_faults: bool,
}

/// What mdevctl passed over, mostly silently, although it gave a listing.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// What lies among the definitions and is none.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Definitions that this process may not open: the device, the file and the reason.
    pub(crate) closed: Vec<(DeviceId, String, String)>,
}

/// Looks for what is there and was not listed.
///
/// # Errors
///
/// When a directory of definitions cannot be read, as [`read_all`]: the listing means nothing then.
pub(crate) fn survey(config: &MdevctlConfig, listed: &BTreeSet<DeviceId>) -> io::Result<Survey> {
    let scan = Scan::of(&config.definitions())?;
    let mut survey = Survey { diagnostics: scan.diagnostics, closed: Vec::new() };
    for file in scan.files {
        let id = DeviceId::mdev(&file.uuid, &file.parent);
        if listed.contains(&id) {
            continue;
        }
        match open(&file.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let reason = format!("cannot be read: {error}");
                survey.closed.push((id, file.path.display().to_string(), reason));
            }
            _ => {}
        }
    }
    Ok(survey)
}

/// The file of a definition, however its name spells the uuid: mdevctl lists it all the same.
///
/// # Errors
///
/// When the directory of the parent cannot be read.
pub(crate) fn spelled(directory: &Path, uuid: &MdevUuid) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let spelled = entry.file_name().to_str().and_then(parse_uuid);
        if spelled.is_some_and(|spelled| MdevUuid::new(&spelled) == *uuid) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Whether another parent has a definition of the same uuid.
pub(crate) fn has_namesake(config: &MdevctlConfig, device: &DeviceId) -> bool {
    let DeviceId::Mdev { uuid, parent } = device else {
        return false;
    };
    let Ok(scan) = Scan::of(&config.definitions()) else {
        return false;
    };
    let is_namesake = |file: &DefinitionFile| {
        MdevUuid::new(&file.uuid) == *uuid && file.parent.as_str() != parent.as_ref()
    };
    scan.files.iter().any(is_namesake)
}

/// What the files say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) entries: Entries,
    /// Whether a file holds or is called what mdevctl refuses, or may hold it. What else lies among the files and is no
    /// definition mdevctl passes over.
    pub(crate) has_faults: bool,
}

/// Reads every definition; a bad file costs that one.
///
/// # Errors
///
/// [`io::ErrorKind::TimedOut`] when the deadline passes meanwhile. When the configuration directory cannot be
/// read, or another one below it for a reason that is not its own: what it holds is not known then, which is
/// not that it holds nothing.
pub(crate) fn read_all(config: &MdevctlConfig) -> io::Result<Reading> {
    let end = Instant::now() + config.deadline;
    let scan = Scan::of(&config.definitions())?;
    let mut room = Room::new(config.output_limit);
    let mut read = Reading::default();
    read.entries.diagnostics = scan.diagnostics;
    read.has_faults = scan.has_faults;
    for file in scan.files {
        if Instant::now() >= end {
            return Err(io::ErrorKind::TimedOut.into());
        }
        read.has_faults |= add(&mut read.entries, &mut room, &file, config.definition_limit);
    }
    Ok(read)
}

/// Adds what the file says. True when something is wrong with that.
fn add(read: &mut Entries, room: &mut Room, file: &DefinitionFile, limit: u64) -> bool {
    let id = DeviceId::mdev(&file.uuid, &file.parent);
    if !read.is_first(&id) {
        // mdevctl reads it too, whatever is in it.
        return true;
    }
    let mut told = Vec::new();
    let subject = file.path.display().to_string();
    let mut parse_within = |bytes: Vec<u8>| room.take(&bytes).and_then(|()| parse(&bytes));
    match contents(&file.path, limit).and_then(|bytes| bytes.map(&mut parse_within).transpose()) {
        Ok(None) => {}
        Ok(Some(object)) => {
            let mut reader =
                EntryReader { subject: subject.clone(), lossy: false, diagnostics: &mut told };
            let entry = reader.read(&file.uuid, &file.parent, &object);
            if entry.start.is_none() && !object.contains_key("start") {
                let missing = Diagnostic::warning(subject, "missing").with_attribute("start");
                note(&mut told, missing);
            }
            read.entries.push(entry);
        }
        Err(reason) => {
            read.unreadable(id, subject, reason);
            return true;
        }
    }
    let is_faulty = !told.is_empty();
    told.into_iter().for_each(|told| note(&mut read.diagnostics, told));
    is_faulty
}

/// The bytes of a file, `None` when it has vanished.
pub(crate) fn contents(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, String> {
    match read_bounded(path, limit) {
        Ok(bytes) if bytes.len() as u64 > limit => Err(format!("larger than {limit} bytes")),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a regular file; anything else that has taken its place is refused without blocking.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(format!("not an object: {}", brief(&other))),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

impl Scan {
    fn of(directory: &Path) -> io::Result<Self> {
        let mut scan = Self::default();
        for entry in scan.entries(directory, &[])? {
            scan.has_faults |= entry.file_name().to_str().is_none();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory && entry.file_name() != SCRIPTS {
                scan.parent(&entry)?;
            }
        }
        Ok(scan)
    }

    fn parent(&mut self, directory: &fs::DirEntry) -> io::Result<()> {
        let Ok(parent) = directory.file_name().into_string() else {
            self.warn(&directory.path(), "the name is not UTF-8");
            return Ok(());
        };
        for entry in self.entries(&directory.path(), &[io::ErrorKind::PermissionDenied])? {
            self.file(&parent, &entry);
        }
        Ok(())
    }

    fn file(&mut self, parent: &str, entry: &fs::DirEntry) {
        let path = entry.path();
        let uuid = entry.file_name().to_str().and_then(parse_uuid);
        self.has_faults |= entry.file_name().to_str().is_none();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => self.warn(&path, "a directory, not a definition file"),
            Ok(kind) if !kind.is_file() => self.warn(&path, "not a regular file"),
            Ok(_) => match uuid {
                Some(uuid) => {
                    self.files.push(DefinitionFile { path, parent: parent.to_owned(), uuid })
                }
                None => self.warn(&path, "the name is not a uuid"),
            },
            // It has gone.
            Err(_) => {}
        }
    }

    /// The entries of a directory by name; one that does not exist has none, nor has one that cannot be read for
    /// one of these reasons, which is told.
    fn entries(
        &mut self,
        directory: &Path,
        reasons: &[io::ErrorKind],
    ) -> io::Result<Vec<fs::DirEntry>> {
        let listed = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        match listed {
            Ok(mut entries) => {
                entries.sort_by_key(fs::DirEntry::file_name);
                Ok(entries)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error)
                if error.kind() == io::ErrorKind::NotADirectory
                    || reasons.contains(&error.kind()) =>
            {
                self.warn(directory, &format!("cannot be read: {error}"));
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    fn warn(&mut self, path: &Path, message: &str) {
        let subject = path.display().to_string();
        note(&mut self.diagnostics, Diagnostic::warning(subject, message));
    }
}

/// The uuid that a file name spells, as mdevctl prints it: hyphens, braces and the `urn:uuid:`
/// prefix are optional, the case does not matter.
pub(crate) fn parse_uuid(name: &str) -> Option<String> {
    let bare = name.strip_prefix("urn:uuid:").unwrap_or_else(|| {
        name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(name)
    });
    let hyphens_fit = bare.len() == 32
        || bare.len() == 36 && [8, 13, 18, 23].iter().all(|&at| bare.as_bytes()[at] == b'-');
    let digits: String = bare.chars().filter(|&c| c != '-').collect();
    if !hyphens_fit || digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    Some(groups.map(|group| &digits[group]).join("-"))
}

#[cfg(test)]
mod tests;
