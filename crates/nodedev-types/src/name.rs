//! Device names, by libvirt's rule.

use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name by which clients know a device, for example `pci_0000_00_1f_2`.
///
/// Cheap to clone. Names made by [`DeviceName::compose`] hold ASCII letters, digits and `_` only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceName(Arc<str>);

impl DeviceName {
    /// Joins the parts with `_` and turns every byte that is not ASCII alphanumeric into `_`.
    ///
    /// An empty suffix still adds the trailing `_`; no suffix adds nothing. Case is kept, runs of
    /// `_` are kept, and each byte of a multi-byte character counts by itself.
    ///
    /// ```
    /// # use nodedev_types::DeviceName;
    /// let name = DeviceName::compose("block", "sda", Some("SER IAL.1-2"));
    /// assert_eq!(name.as_str(), "block_sda_SER_IAL_1_2");
    /// assert_eq!(DeviceName::compose("block", "sda", Some("")).as_str(), "block_sda_");
    /// ```
    #[must_use]
    pub fn compose(subsystem: &str, sysname: &str, suffix: Option<&str>) -> Self {
        let mut name =
            String::with_capacity(subsystem.len() + sysname.len() + suffix.map_or(0, str::len) + 2);
        push_sanitised(&mut name, subsystem);
        name.push('_');
        push_sanitised(&mut name, sysname);
        if let Some(suffix) = suffix {
            name.push('_');
            push_sanitised(&mut name, suffix);
        }
        Self(name.into())
    }

    /// Takes a name as it is, as a client or a document gives it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn push_sanitised(name: &mut String, part: &str) {
    name.extend(part.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b) } else { '_' }));
}

impl Borrow<str> for DeviceName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for DeviceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DeviceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_of_a_multi_byte_character_becomes_an_underscore() {
        assert_eq!(DeviceName::compose("block", "é!1", None).as_str(), "block____1");
    }
}
