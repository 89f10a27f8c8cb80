//! PCI addresses.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Domain, bus, slot and function of a PCI function, printed `0000:00:1f.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    /// PCI segment.
    pub domain: u32,
    /// Bus number.
    pub bus: u8,
    /// Slot (device) number.
    pub slot: u8,
    /// Function number.
    pub function: u8,
}

/// The text is no PCI address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPciAddress;

impl fmt::Display for InvalidPciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a PCI address (expected DOMAIN:BUS:SLOT.FUNCTION in hexadecimal)")
    }
}

impl core::error::Error for InvalidPciAddress {}

impl FromStr for PciAddress {
    type Err = InvalidPciAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        fn hex(part: Option<&str>) -> Result<u32, InvalidPciAddress> {
            let part = part.filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()));
            u32::from_str_radix(part.ok_or(InvalidPciAddress)?, 16).map_err(|_| InvalidPciAddress)
        }
        let (rest, function) = text.rsplit_once('.').ok_or(InvalidPciAddress)?;
        let mut parts = rest.split(':');
        let (domain, bus, slot) = (hex(parts.next())?, hex(parts.next())?, hex(parts.next())?);
        if parts.next().is_some() {
            return Err(InvalidPciAddress);
        }
        let byte = |value: u32| u8::try_from(value).map_err(|_| InvalidPciAddress);
        Ok(Self {
            domain,
            bus: byte(bus)?,
            slot: byte(slot)?,
            function: byte(hex(Some(function))?)?,
        })
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{}", self.domain, self.bus, self.slot, self.function)
    }
}

impl Serialize for PciAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PciAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn addresses_print_as_they_are_read() {
        for text in ["0000:00:1f.2", "10000:e1:00.0", "ffff:ff:1f.7"] {
            assert_eq!(text.parse::<PciAddress>().unwrap().to_string(), text);
        }
        for bad in ["", "0000:00:1f", "00:1f.2", "0000:100:00.0", "0000:00:00:00.0", "0000:00:+1.0"]
        {
            assert_eq!(bad.parse::<PciAddress>(), Err(InvalidPciAddress), "{bad}");
        }
    }
}
