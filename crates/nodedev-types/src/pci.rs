//! Values of PCI functions beyond the address: links and vital product data.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::PciLinkSpeed;

/// What configuration space says of PCI Express. A function that says nothing of its link has neither part.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct PciExpress {
    /// What the link can do: register `LNKCAP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<PciLink>,
    /// What the link does: register `LNKSTA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sta: Option<PciLink>,
}

/// One register of a link.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct PciLink {
    /// Number of the port. Only what a link can do has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u64>,
    /// Speed in GT/s: 2.5, 5, 8, 16, 32 or 64. Absent for a code that stands for none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<PciLinkSpeed>,
    /// Number of lanes.
    pub width: u64,
}

impl fmt::Display for PciExpress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let links = [("cap", &self.cap), ("sta", &self.sta)];
        let mut any = false;
        for (name, link) in links {
            if let Some(link) = link {
                write!(f, "{}{name} {link}", if any { ", " } else { "" })?;
                any = true;
            }
        }
        if any { Ok(()) } else { f.write_str("no link") }
    }
}

impl fmt::Display for PciLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(port) = self.port {
            write!(f, "port {port} ")?;
        }
        if let Some(speed) = self.speed {
            write!(f, "{speed} GT/s ")?;
        }
        write!(f, "x{}", self.width)
    }
}

/// Vital product data of a function.
///
/// A section is there when it holds any field that libvirt knows, even one that it does not show.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct PciVpd {
    /// Name of the product: the identifier string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the vendor wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readonly: Option<PciVpdReadonly>,
    /// What the owner may write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readwrite: Option<PciVpdReadwrite>,
}

/// The read-only section of vital product data.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct PciVpdReadonly {
    /// Engineering change level. Keyword `EC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_level: Option<String>,
    /// Id of the manufacturer. Keyword `MN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacture_id: Option<String>,
    /// Part number. Keyword `PN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_number: Option<String>,
    /// Serial number. Keyword `SN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// The vendor's own, in the order in which they first appear. Keywords `V0` to `VZ`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vendor_fields: Vec<PciVpdField>,
}

/// The read-write section of vital product data.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct PciVpdReadwrite {
    /// Asset tag. Keyword `YA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_tag: Option<String>,
    /// The vendor's own, in the order in which they first appear. Keywords `V0` to `VZ`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vendor_fields: Vec<PciVpdField>,
    /// The system's own, in the order in which they first appear. Keywords `Y0` to `YZ` but `YA`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system_fields: Vec<PciVpdField>,
}

/// A field of vital product data that has a number or letter instead of a meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct PciVpdField {
    /// The second character of its keyword: a digit or a capital letter.
    pub index: char,
    /// Its text.
    pub value: String,
}

impl fmt::Display for PciVpd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or("no name"))?;
        let readonly = self.readonly.iter();
        readonly.clone().flat_map(named).try_for_each(|(k, v)| write!(f, ", {k}={v}"))?;
        indexed(f, 'V', readonly.flat_map(|section| &section.vendor_fields))?;
        let readwrite = self.readwrite.iter();
        if let Some(tag) = readwrite.clone().find_map(|section| section.asset_tag.as_ref()) {
            write!(f, ", YA={tag}")?;
        }
        indexed(f, 'V', readwrite.clone().flat_map(|section| &section.vendor_fields))?;
        indexed(f, 'Y', readwrite.flat_map(|section| &section.system_fields))
    }
}

fn named(section: &PciVpdReadonly) -> impl Iterator<Item = (&'static str, &String)> {
    let fields = [
        ("EC", &section.change_level),
        ("MN", &section.manufacture_id),
        ("PN", &section.part_number),
        ("SN", &section.serial_number),
    ];
    fields.into_iter().filter_map(|(keyword, value)| Some((keyword, value.as_ref()?)))
}

fn indexed<'a>(
    f: &mut fmt::Formatter<'_>,
    letter: char,
    mut fields: impl Iterator<Item = &'a PciVpdField>,
) -> fmt::Result {
    fields.try_for_each(|field| write!(f, ", {letter}{}={}", field.index, field.value))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    #[test]
    fn links_and_product_data_read_well() {
        let link = PciLink { port: Some(1), speed: "2.5".parse().ok(), width: 4 };
        let sta = Some(PciLink::default());
        let express = PciExpress { cap: Some(link), sta };
        assert_eq!(express.to_string(), "cap port 1 2.5 GT/s x4, sta x0");
        assert_eq!(PciExpress::default().to_string(), "no link");
        let field = |index, value: &str| vec![PciVpdField { index, value: value.into() }];
        let vpd = PciVpd {
            name: Some("card".into()),
            readonly: Some(PciVpdReadonly {
                part_number: Some("p".into()),
                vendor_fields: field('0', "v"),
                ..PciVpdReadonly::default()
            }),
            readwrite: Some(PciVpdReadwrite {
                asset_tag: Some("a".into()),
                system_fields: field('Z', "s"),
                ..PciVpdReadwrite::default()
            }),
        };
        assert_eq!(vpd.to_string(), "card, PN=p, V0=v, YA=a, YZ=s");
    }
}
