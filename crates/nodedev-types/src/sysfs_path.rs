//! Canonical sysfs paths.

use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The canonical path of a kernel device, `/sys/devices/…`, as libudev's syspath gives it.
///
/// Cheap to clone. Ordered bytewise, so a device sorts before everything below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SysfsPath(Arc<str>);

/// The text is no canonical path below `/sys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSysfsPath;

impl fmt::Display for InvalidSysfsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a canonical path below /sys")
    }
}

impl core::error::Error for InvalidSysfsPath {}

impl SysfsPath {
    /// Accepts an absolute path below `/sys` without empty, `.` or `..` components.
    ///
    /// # Errors
    ///
    /// [`InvalidSysfsPath`] for any other text.
    pub fn new(path: &str) -> Result<Self, InvalidSysfsPath> {
        if Self::is_canonical(path) { Ok(Self(path.into())) } else { Err(InvalidSysfsPath) }
    }

    /// Whether [`SysfsPath::new`] would accept this text.
    #[must_use]
    pub fn is_canonical(path: &str) -> bool {
        let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        path.strip_prefix("/sys/").is_some_and(|below| below.split('/').all(is_name))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself, shared with this path.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The last component: the kernel's name of the device.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The paths above this one, nearest first, down to but without `/sys`.
    ///
    /// ```
    /// # use nodedev_types::SysfsPath;
    /// let path = SysfsPath::new("/sys/devices/pci0000:00/0000:00:02.0").unwrap();
    /// let above: Vec<_> = path.ancestors().collect();
    /// assert_eq!(above, ["/sys/devices/pci0000:00", "/sys/devices"]);
    /// ```
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        Self::ancestors_of(self.as_str())
    }

    /// The same of a canonical path ([`is_canonical`](Self::is_canonical)) that is a text.
    ///
    /// ```
    /// # use nodedev_types::SysfsPath;
    /// assert!(SysfsPath::ancestors_of("/sys/devices/a").eq(["/sys/devices"]));
    /// ```
    pub fn ancestors_of(path: &str) -> impl Iterator<Item = &str> {
        core::iter::successors(Some(path), |path| {
            path.rsplit_once('/').map(|(above, _)| above).filter(|above| above.len() > "/sys".len())
        })
        .skip(1)
    }

    /// Whether this path lies strictly below `other`.
    #[must_use]
    pub fn is_below(&self, other: &str) -> bool {
        self.0.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl Borrow<str> for SysfsPath {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for SysfsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for SysfsPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SysfsPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_paths_are_accepted() {
        for bad in
            ["", "/sys", "/sys/", "sys/devices", "/sys//a", "/sys/a/../b", "/sys/a/", "/dev/sda"]
        {
            assert_eq!(SysfsPath::new(bad), Err(InvalidSysfsPath), "{bad}");
        }
        assert!(SysfsPath::new("/sys/devices/a").is_ok());
    }

    #[test]
    fn below_means_strictly_and_by_component() {
        let path = SysfsPath::new("/sys/devices/a/b").unwrap();
        assert!(path.is_below("/sys/devices/a"));
        assert!(!path.is_below("/sys/devices/a/b"));
        assert!(!SysfsPath::new("/sys/devices/ab").unwrap().is_below("/sys/devices/a"));
    }
}
