//! Lists of devices, and what they are filtered by.

use nodedev_types::{Capability, Device, DeviceId, DeviceName};
use serde::{Deserialize, Serialize};

/// Which devices `List` is asked for. The default admits all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Those with one of these capabilities, main or nested. Empty admits all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Capability>>,
    /// The active ones, or those that are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Those with a definition, or those without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
}

impl Filter {
    /// Whether the device is among those asked for.
    #[must_use]
    pub fn admits(&self, row: &Row) -> bool {
        let capability = match self.capabilities.as_deref() {
            None | Some([]) => true,
            Some(wanted) => row.capabilities.iter().any(|has| wanted.contains(has)),
        };
        capability
            && self.active.is_none_or(|wanted| row.active == wanted)
            && self.persistent.is_none_or(|wanted| row.persistent == wanted)
    }
}

/// A device in a list: the first members of the whole device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: DeviceName,
    /// Who it is.
    pub id: DeviceId,
    /// Name of its parent. Only `computer` has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<DeviceName>,
    /// Whether it exists now.
    pub active: bool,
    /// Whether there is a definition of it.
    pub persistent: bool,
    /// Whether it starts together with its parent.
    pub autostart: bool,
    /// The main capability first, then those nested in it.
    pub capabilities: Vec<Capability>,
}

impl From<&Device> for Row {
    fn from(device: &Device) -> Self {
        Self {
            name: device.name.clone(),
            id: device.id.clone(),
            parent: device.parent.clone(),
            active: device.active,
            persistent: device.persistent,
            autostart: device.autostart,
            capabilities: device.capabilities(),
        }
    }
}

/// What `List` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Which run of the service this is: its generations mean nothing in another one.
    pub instance: String,
    /// Counts the lists that this run has published.
    pub generation: u64,
    /// The devices in the order of their names.
    pub devices: Vec<Row>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(active: bool, persistent: bool, capabilities: &[Capability]) -> Row {
        Row {
            name: DeviceName::new("x"),
            id: DeviceId::Computer,
            parent: None,
            active,
            persistent,
            autostart: false,
            capabilities: capabilities.to_vec(),
        }
    }

    #[test]
    fn every_condition_counts() {
        let pci = row(true, false, &[Capability::Pci, Capability::MdevTypes]);
        assert!(Filter::default().admits(&pci));
        let types = Some(vec![Capability::Net, Capability::MdevTypes]);
        let wanted = Filter { capabilities: types, active: Some(true), persistent: Some(false) };
        assert!(wanted.admits(&pci));
        assert!(!Filter { active: Some(false), ..wanted.clone() }.admits(&pci));
        assert!(!Filter { persistent: Some(true), ..wanted.clone() }.admits(&pci));
        assert!(!wanted.admits(&row(true, false, &[Capability::Pci])));
        let empty = Filter { capabilities: Some(Vec::new()), ..Filter::default() };
        assert!(empty.admits(&row(false, true, &[])), "an empty list is no condition");
    }
}
