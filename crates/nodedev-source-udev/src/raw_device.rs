//! A device as libudev knows it, in owned values that may cross threads.

use std::collections::{BTreeMap, BTreeSet};

/// What libudev says of one device at the moment of reading.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawDevice {
    /// Canonical path, `/sys/devices/…`.
    pub(crate) syspath: String,
    /// libudev's name of the device: the last component, with `!` turned into `/`.
    pub(crate) sysname: String,
    pub(crate) subsystem: Option<String>,
    pub(crate) devtype: Option<String>,
    /// Absolute path of the device node.
    pub(crate) devnode: Option<String>,
    pub(crate) properties: BTreeMap<String, String>,
    /// Properties that were not UTF-8 and were converted with loss.
    pub(crate) lossy: BTreeSet<String>,
}

impl RawDevice {
    /// The last component of the path.
    pub(crate) fn file_name(&self) -> &str {
        file_name(&self.syspath)
    }

    /// The name of the directory above the device.
    pub(crate) fn parent_name(&self) -> Option<&str> {
        let (above, _) = self.syspath.rsplit_once('/')?;
        Some(file_name(above)).filter(|name| !name.is_empty())
    }

    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }

    /// The path of a file of this device.
    pub(crate) fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.syspath)
    }
}

/// The last component of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
