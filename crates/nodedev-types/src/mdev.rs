//! Values of mediated devices.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The uuid of a mediated device.
///
/// A uuid in any case is held in lower case, so that both sides of a comparison agree; a text that
/// is no uuid (mdevctl does not check what it is given) is held as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MdevUuid(Arc<str>);

impl MdevUuid {
    /// Takes the text as a uuid where it is one, verbatim otherwise.
    ///
    /// ```
    /// # use nodedev_types::MdevUuid;
    /// let uuid = MdevUuid::new("AAAAAAAA-0000-4000-8000-00000000000F");
    /// assert_eq!(uuid.as_str(), "aaaaaaaa-0000-4000-8000-00000000000f");
    /// assert_eq!(MdevUuid::new("Not-A-Uuid").as_str(), "Not-A-Uuid");
    /// ```
    #[must_use]
    pub fn new(text: &str) -> Self {
        if is_uuid(text) { Self(text.to_ascii_lowercase().into()) } else { Self(text.into()) }
    }

    /// The uuid as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the text is a uuid: 8-4-4-4-12 hexadecimal digits.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        is_uuid(&self.0)
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

impl fmt::Display for MdevUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for MdevUuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for MdevUuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

/// One attribute of a mediated device's configuration. Their order matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct MdevAttribute {
    /// Name of the attribute, a file below the mediated device in sysfs.
    pub name: String,
    /// What is written there.
    pub value: String,
}

/// One type of mediated device that a parent can make: a directory of `mdev_supported_types`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct MdevType {
    /// Name of the directory, for example `mtty-1`.
    pub id: String,
    /// Contents of `name`, where the driver offers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Contents of `device_api`, for example `vfio-pci`.
    pub device_api: String,
    /// Contents of `available_instances`: how many more can be made.
    pub available_instances: u64,
}
