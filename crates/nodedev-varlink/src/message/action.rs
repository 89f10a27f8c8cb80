//! What is asked to be done with devices. Only values.

use nodedev_types::DeviceName;
use serde::{Deserialize, Serialize};

/// What `Define` and `Create` make a device of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// libvirt's document of the device.
    pub document: String,
    /// Whether all of it has to have the form that libvirt's schema asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate: Option<bool>,
}

/// Whether a device shall start with its parent: what `SetAutostart` is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Autostart {
    /// Name of the device.
    pub name: DeviceName,
    /// Whether it shall.
    pub autostart: bool,
}

/// What `Update` makes of which device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Updated {
    /// Name of the device.
    pub name: DeviceName,
    /// libvirt's document of what it shall be.
    pub document: String,
    /// Whether the running device changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<bool>,
    /// Whether the definition changes. With neither: what runs if it runs, else the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<bool>,
}

/// Something to be done, with what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Makes a definition, or changes the one of the same uuid below the same parent.
    Define(Described),
    /// Starts a device without a definition, or makes a virtual port.
    Create(Described),
    /// Starts a defined device.
    Start(super::Named),
    /// Stops a device.
    Stop(super::Named),
    /// Removes a definition.
    Undefine(super::Named),
    /// Sets whether it starts with its parent.
    SetAutostart(Autostart),
    /// Changes a device.
    Update(Updated),
}

/// What an action answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Name of the device to which it was done.
    pub name: DeviceName,
}
