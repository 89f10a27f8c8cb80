//! Stable identities, independent of who speaks of a device.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{InvalidSysfsPath, MdevUuid, SysfsPath};

/// Who a device is: equal for two sources exactly when they mean the same device.
///
/// The order is total and fixed: it decides name collisions. As text: `computer`, a sysfs path,
/// `mdev:UUID@PARENT`, or `NAMESPACE:KEY`.
///
/// ```
/// # use nodedev_types::{DeviceId, MdevUuid};
/// let id = DeviceId::mdev("AAAAAAAA-0000-4000-8000-00000000000F", "0000:00:02.0");
/// assert_eq!(id.to_string(), "mdev:aaaaaaaa-0000-4000-8000-00000000000f@0000:00:02.0");
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeviceId {
    /// The host itself.
    Computer,
    /// A device that the kernel shows, by its canonical path. Never a mediated device.
    Sysfs(SysfsPath),
    /// A mediated device, running or only defined.
    Mdev {
        /// Its uuid.
        uuid: MdevUuid,
        /// Address of its parent: the name of the parent's directory in sysfs, which is mdevctl's key.
        parent: Arc<str>,
    },
    /// A device that only a third-party source knows.
    Foreign {
        /// Name space of that source.
        namespace: Arc<str>,
        /// The source's own key.
        key: Arc<str>,
    },
}

impl DeviceId {
    /// The identity of a kernel device.
    ///
    /// # Errors
    ///
    /// [`InvalidSysfsPath`] when the text is no canonical path below `/sys`.
    pub fn sysfs(path: &str) -> Result<Self, InvalidSysfsPath> {
        SysfsPath::new(path).map(Self::Sysfs)
    }

    /// The identity of a mediated device.
    #[must_use]
    pub fn mdev(uuid: &str, parent: &str) -> Self {
        Self::Mdev { uuid: MdevUuid::new(uuid), parent: parent.into() }
    }

    /// The identity of a device in a third-party name space.
    #[must_use]
    pub fn foreign(namespace: &str, key: &str) -> Self {
        Self::Foreign { namespace: namespace.into(), key: key.into() }
    }
}

/// The text is no device identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidDeviceId;

impl fmt::Display for InvalidDeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a device identity (computer, /sys/…, mdev:UUID@PARENT or NAMESPACE:KEY)")
    }
}

impl core::error::Error for InvalidDeviceId {}

impl FromStr for DeviceId {
    type Err = InvalidDeviceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "computer" {
            return Ok(Self::Computer);
        }
        if text.starts_with('/') {
            return Self::sysfs(text).map_err(|_| InvalidDeviceId);
        }
        match text.split_once(':').ok_or(InvalidDeviceId)? {
            ("mdev", rest) => {
                let (uuid, parent) = rest.split_once('@').ok_or(InvalidDeviceId)?;
                Ok(Self::mdev(uuid, parent))
            }
            ("", _) => Err(InvalidDeviceId),
            (namespace, key) => Ok(Self::foreign(namespace, key)),
        }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Computer => f.write_str("computer"),
            Self::Sysfs(path) => f.write_str(path.as_str()),
            Self::Mdev { uuid, parent } => write!(f, "mdev:{uuid}@{parent}"),
            Self::Foreign { namespace, key } => write!(f, "{namespace}:{key}"),
        }
    }
}

impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
