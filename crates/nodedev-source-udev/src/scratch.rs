//! A device made of nothing but text, for unit tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind};

use crate::files::{FileError, Files, MAX_ATTRIBUTE};
use crate::names::PciNames;
use crate::raw_device::{RawDevice, file_name};

/// A device with its files.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) device: RawDevice,
    files: BTreeMap<String, Result<Vec<u8>, ErrorKind>>,
    links: BTreeMap<String, String>,
    directories: BTreeMap<String, Vec<String>>,
    dangling: BTreeSet<String>,
    is_unprivileged: bool,
}

impl Scratch {
    pub(crate) fn new(syspath: &str) -> Self {
        let mut scratch = Self::default();
        scratch.device.syspath = syspath.to_owned();
        scratch.device.sysname = file_name(syspath).replace('!', "/");
        scratch
    }

    pub(crate) fn subsystem(mut self, subsystem: &str) -> Self {
        self.device.subsystem = Some(subsystem.to_owned());
        self
    }

    pub(crate) fn devtype(mut self, devtype: &str) -> Self {
        self.device.devtype = Some(devtype.to_owned());
        self
    }

    pub(crate) fn devnode(mut self, devnode: &str) -> Self {
        self.device.devnode = Some(devnode.to_owned());
        self.property("DEVNAME", devnode)
    }

    pub(crate) fn property(mut self, name: &str, value: &str) -> Self {
        self.device.properties.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn attribute(self, name: &str, value: &str) -> Self {
        self.bytes(name, value.as_bytes())
    }

    pub(crate) fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.files.insert(self.path(name), Ok(value.to_vec()));
        self
    }

    pub(crate) fn failing(mut self, name: &str, error: ErrorKind) -> Self {
        self.files.insert(self.path(name), Err(error));
        self
    }

    pub(crate) fn link(mut self, name: &str, target: &str) -> Self {
        self.links.insert(self.path(name), target.to_owned());
        self
    }

    pub(crate) fn directory(mut self, name: &str, entries: &[&str]) -> Self {
        let entries = entries.iter().map(|&entry| entry.to_owned()).collect();
        self.directories.insert(self.path(name), entries);
        self
    }

    /// How many things there are that can be asked for.
    pub(crate) fn len(&self) -> usize {
        self.files.len() + self.links.len() + self.directories.values().map(Vec::len).sum::<usize>()
    }

    /// One more entry of a directory.
    pub(crate) fn enter(&mut self, directory: &str, entry: &str) {
        let entries = self.directories.entry(directory.to_owned()).or_default();
        if !entries.iter().any(|there| there == entry) {
            entries.push(entry.to_owned());
        }
    }

    /// A link whose target is missing.
    pub(crate) fn dangling(mut self, name: &str) -> Self {
        self.dangling.insert(self.path(name));
        self
    }

    pub(crate) const fn unprivileged(mut self) -> Self {
        self.is_unprivileged = true;
        self
    }

    fn path(&self, name: &str) -> String {
        if name.starts_with('/') { name.to_owned() } else { self.device.file(name) }
    }
}

impl Files for Scratch {
    fn contents(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match self.files.get(path) {
            Some(Ok(bytes)) if bytes.len() > MAX_ATTRIBUTE => Err(FileError::TooLarge),
            Some(Ok(bytes)) => Ok(bytes.clone()),
            Some(Err(kind)) => Err(Error::from(*kind).into()),
            None => Err(Error::from(ErrorKind::NotFound).into()),
        }
    }

    fn part(&self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, FileError> {
        let contents = match self.files.get(path) {
            Some(Ok(bytes)) => bytes.clone(),
            _ => self.contents(path)?,
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(contents.into_iter().skip(offset).take(len).collect())
    }

    fn size(&self, path: &str) -> Option<u64> {
        Some(self.files.get(path)?.as_ref().ok()?.len() as u64)
    }

    fn link_name(&self, path: &str) -> Option<String> {
        self.links.get(path).map(|target| file_name(target).to_owned())
    }

    fn link_text_name(&self, path: &str) -> Option<String> {
        let is_dangling = || self.dangling.contains(path);
        self.link_name(path).or_else(|| is_dangling().then(|| "nowhere".to_owned()))
    }

    fn canonical(&self, path: &str) -> Option<String> {
        self.links.get(path).cloned()
    }

    fn entries(&self, path: &str) -> Option<Vec<String>> {
        self.directories.get(path).cloned()
    }

    fn exists(&self, path: &str) -> bool {
        self.files.contains_key(path)
            || self.links.contains_key(path)
            || self.directories.contains_key(path)
    }

    fn is_link(&self, path: &str) -> bool {
        self.links.contains_key(path) || self.dangling.contains(path)
    }

    fn is_privileged(&self) -> bool {
        !self.is_unprivileged
    }
}

/// A host without `pci.ids`.
#[derive(Debug)]
pub(crate) struct NoNames;

impl PciNames for NoNames {
    fn vendor(&self, _vendor: u16) -> Option<String> {
        None
    }

    fn device(&self, _vendor: u16, _device: u16) -> Option<String> {
        None
    }
}
