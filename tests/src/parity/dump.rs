//! What a daemon says of its devices, as a client prints it. Knows nothing of how it was asked.

use std::collections::{BTreeMap, BTreeSet};

/// A part of what is said of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The document.
    Live,
    /// The document in its inactive form, or why there is none.
    Inactive,
    /// Parent and state.
    Info,
    /// The lists that it stands in.
    Lists,
}

impl Part {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Live, Self::Inactive, Self::Info, Self::Lists];

    /// virsh's word for the question.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Live => "dumpxml",
            Self::Inactive => "dumpxml --inactive",
            Self::Info => "info",
            Self::Lists => "lists",
        }
    }
}

/// What is said of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// `nodedev-dumpxml`, errors included.
    pub live: String,
    /// `nodedev-dumpxml --inactive`, errors included; empty where the client cannot ask.
    pub inactive: String,
    /// `nodedev-info`, errors included.
    pub info: String,
    /// The options of `nodedev-list` that list it.
    pub lists: BTreeSet<String>,
}

impl Device {
    /// One part as text.
    #[must_use]
    pub fn part(&self, part: Part) -> String {
        match part {
            Part::Live => self.live.clone(),
            Part::Inactive => self.inactive.clone(),
            Part::Info => self.info.clone(),
            Part::Lists => {
                self.lists.iter().map(|options| format!("nodedev-list {options}\n")).collect()
            }
        }
    }

    /// The kind of device: the capability that the document has.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.element("  <capability type='", "'>").unwrap_or_default()
    }

    /// The path in sysfs that the document tells.
    #[must_use]
    pub fn path(&self) -> &str {
        self.element("  <path>", "</path>").unwrap_or_default()
    }

    /// A line of what is said of the state, for example of `Active`.
    #[must_use]
    pub fn state(&self, name: &str) -> &str {
        let value = |line| str::strip_prefix(line, name)?.strip_prefix(':');
        self.info.lines().find_map(value).unwrap_or_default().trim()
    }

    fn element(&self, start: &str, end: &str) -> Option<&str> {
        self.live.lines().find_map(|line| line.strip_prefix(start)?.split(end).next())
    }
}

/// What a daemon says of all devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dump {
    /// By name.
    pub devices: BTreeMap<String, Device>,
    /// Lists that were refused: the options of `nodedev-list`, and the complaint.
    pub complaints: BTreeMap<String, String>,
}
