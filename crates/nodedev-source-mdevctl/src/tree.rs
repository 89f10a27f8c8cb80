//! The inotify watches on the configuration directory and its parents' directories.
//!
//! Levels, not edges: [`Tree::arm`] makes the watches fit what exists, however it came about, and is
//! called again whenever a directory may have come or gone. Where the configuration directory is
//! missing, its nearest existing ancestor is watched until it appears.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use inotify::{EventMask, EventOwned, WatchDescriptor, WatchMask, Watches};

use crate::definitions::SCRIPTS;

const DIRECTORY: WatchMask = WatchMask::CREATE
    .union(WatchMask::MOVED_TO)
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::MOVE_SELF)
    .union(WatchMask::ONLYDIR);
const DEFINITIONS: WatchMask =
    DIRECTORY.union(WatchMask::MOVED_FROM).union(WatchMask::DELETE).union(WatchMask::ATTRIB);
const PARENT: WatchMask = DEFINITIONS.union(WatchMask::MODIFY).union(WatchMask::CLOSE_WRITE);
/// How often a directory may vanish again while it is armed.
const ATTEMPTS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Something above the configuration directory.
    Ancestor,
    /// The configuration directory.
    Definitions,
    /// A parent's directory in it.
    Parent,
}

/// What an event asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// Definitions may have changed.
    pub(crate) changed: bool,
    /// Directories may have come or gone.
    pub(crate) rearm: bool,
}

/// The watches of one inotify instance.
#[derive(Debug)]
pub(crate) struct Tree {
    watches: Watches,
    directory: PathBuf,
    roles: HashMap<WatchDescriptor, Role>,
}

impl Tree {
    pub(crate) fn new(watches: Watches, directory: PathBuf) -> Self {
        Self { watches, directory, roles: HashMap::new() }
    }

    /// What an event means. One of a watch that is no longer held means nothing.
    pub(crate) fn meaning(&self, event: &EventOwned) -> Meaning {
        let (changed, rearm) = if event.mask.contains(EventMask::Q_OVERFLOW) {
            (true, true)
        } else {
            match self.roles.get(&event.wd) {
                None => (false, false),
                Some(Role::Ancestor) => (false, true),
                Some(Role::Parent) => (true, false),
                // mdevctl passes over files here, and no definition is in the scripts' directory.
                Some(Role::Definitions) => {
                    let of_itself = event.name.is_none();
                    let of_parent = event.mask.contains(EventMask::ISDIR)
                        && event.name.as_deref() != Some(SCRIPTS.as_ref());
                    (of_itself || of_parent, of_itself || of_parent)
                }
            }
        };
        Meaning { changed, rearm }
    }

    /// Makes the watches fit; true when the configuration directory exists now and did not before.
    pub(crate) fn arm(&mut self) -> io::Result<bool> {
        let mut roles = HashMap::new();
        let there = self.arm_definitions(&mut roles)?;
        if there {
            self.arm_parents(&mut roles)?;
        }
        let was_there = self.roles.values().any(|role| *role == Role::Definitions);
        let before = std::mem::replace(&mut self.roles, roles);
        for descriptor in before.into_keys() {
            if !self.roles.contains_key(&descriptor) {
                // The kernel has removed it already where the directory is gone.
                let _gone = self.watches.remove(descriptor);
            }
        }
        Ok(there && !was_there)
    }

    fn arm_definitions(&mut self, roles: &mut HashMap<WatchDescriptor, Role>) -> io::Result<bool> {
        for _ in 0..ATTEMPTS {
            if let Some(descriptor) = self.add(&self.directory.clone(), DEFINITIONS)? {
                roles.clear();
                roles.insert(descriptor, Role::Definitions);
                return Ok(true);
            }
            let (descriptor, missing) = self.add_nearest_ancestor()?;
            roles.insert(descriptor, Role::Ancestor);
            // Whatever comes from here on is announced by the ancestor's watch.
            if !missing.is_dir() {
                return Ok(false);
            }
        }
        Err(io::Error::other("it comes and goes too fast"))
    }

    /// Watches the nearest directory above that exists, and names what is missing in it.
    fn add_nearest_ancestor(&mut self) -> io::Result<(WatchDescriptor, PathBuf)> {
        let mut missing = self.directory.clone();
        while let Some(above) = missing.parent().map(Path::to_owned) {
            let watched = match above.as_os_str().is_empty() {
                true => Path::new("."),
                false => &above,
            };
            if let Some(descriptor) = self.add(watched, DIRECTORY)? {
                return Ok((descriptor, missing));
            }
            missing = above;
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn arm_parents(&mut self, roles: &mut HashMap<WatchDescriptor, Role>) -> io::Result<()> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_directory || entry.file_name() == SCRIPTS {
                continue;
            }
            if let Some(descriptor) = self.add(&entry.path(), PARENT)? {
                roles.insert(descriptor, Role::Parent);
            }
        }
        Ok(())
    }

    /// `None` where there is no such directory.
    fn add(&mut self, path: &Path, mask: WatchMask) -> io::Result<Option<WatchDescriptor>> {
        match self.watches.add(path, mask) {
            Ok(descriptor) => Ok(Some(descriptor)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(error),
            },
        }
    }
}
