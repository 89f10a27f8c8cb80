//! Speeds of PCI Express links.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Speed of a link in tenths of GT/s, printed in GT/s as libvirt does: `2.5`, `16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciLinkSpeed(u32);

impl PciLinkSpeed {
    /// A speed from tenths of GT/s.
    #[must_use]
    pub const fn from_tenths(tenths: u32) -> Self {
        Self(tenths)
    }
}

/// The text or number is no speed of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPciLinkSpeed;

impl fmt::Display for InvalidPciLinkSpeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the speed of a link (expected GT/s with at most one decimal)")
    }
}

impl core::error::Error for InvalidPciLinkSpeed {}

impl FromStr for PciLinkSpeed {
    type Err = InvalidPciLinkSpeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |digits: &str| {
            let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            is_plain.then(|| digits.parse::<u32>().ok()).flatten().ok_or(InvalidPciLinkSpeed)
        };
        let (whole, tenths) = match text.split_once('.') {
            None => (number(text)?, 0),
            Some((whole, tenths)) if tenths.len() == 1 => (number(whole)?, number(tenths)?),
            Some(_) => return Err(InvalidPciLinkSpeed),
        };
        let whole = whole.checked_mul(10).ok_or(InvalidPciLinkSpeed)?;
        whole.checked_add(tenths).map(Self).ok_or(InvalidPciLinkSpeed)
    }
}

impl fmt::Display for PciLinkSpeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenths) => write!(f, "{whole}.{tenths}"),
        }
    }
}

/// A number in GT/s.
impl Serialize for PciLinkSpeed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => serializer.serialize_u32(whole),
            _ => serializer.serialize_f64(f64::from(self.0) / 10.0),
        }
    }
}

impl<'de> Deserialize<'de> for PciLinkSpeed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The shortest text of a number with one decimal is that number.
        let number = f64::deserialize(deserializer)?;
        alloc::format!("{number}").parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for PciLinkSpeed {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "PciLinkSpeed".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0 })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn speeds_print_as_they_are_read() {
        for text in ["0", "2.5", "5", "64", "429496729.5"] {
            let speed: PciLinkSpeed = text.parse().unwrap();
            assert_eq!(speed.to_string(), text);
            assert_eq!(serde_json::to_string(&speed).unwrap(), text);
            assert_eq!(serde_json::from_str::<PciLinkSpeed>(text).unwrap(), speed);
        }
        for bad in ["", ".", "5.", ".5", "2.55", "-5", "+5", "5 ", "fast", "429496729.6"] {
            assert_eq!(bad.parse::<PciLinkSpeed>(), Err(InvalidPciLinkSpeed), "{bad}");
        }
        for bad in ["-1", "2.55", "1e300", "\"5\""] {
            assert!(serde_json::from_str::<PciLinkSpeed>(bad).is_err(), "{bad}");
        }
    }
}
