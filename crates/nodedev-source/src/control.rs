//! The second, optional contract: changing devices.
//!
//! A read-only source implements nothing of this. A capability has one controlling source.

use std::fmt;

use async_trait::async_trait;
use nodedev_types::{Capability, DeviceId, MdevAttribute};

use crate::SourceError;

/// The wanted configuration of a mediated device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MdevConfig {
    /// Type to make, one of the parent's.
    pub mdev_type: String,
    /// Attributes to set, in order.
    pub attributes: Vec<MdevAttribute>,
    /// Whether a new definition starts together with its parent. In [`Action::Modify`] what is known of that: it
    /// counts only where there is no definition that says it.
    pub autostart: bool,
}

/// Something to be done to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Makes a definition below the parent with this address.
    Define {
        /// Address of the parent.
        parent: String,
        /// The wanted uuid; the source chooses one where it is missing.
        uuid: Option<String>,
        /// The wanted configuration.
        config: MdevConfig,
    },
    /// Starts a device that has no definition, below the parent with this address.
    Create {
        /// Address of the parent.
        parent: String,
        /// The wanted uuid; the source chooses one where it is missing.
        uuid: Option<String>,
        /// The wanted configuration.
        config: MdevConfig,
    },
    /// Starts a defined device.
    Start(DeviceId),
    /// Stops a running device.
    Stop(DeviceId),
    /// Changes the configuration of a device. A definition keeps the autostart that it has when the
    /// action is performed: who asks may know an older one.
    Modify {
        /// Which device.
        device: DeviceId,
        /// The wanted configuration.
        config: MdevConfig,
        /// Change the running device.
        live: bool,
        /// Change the definition.
        defined: bool,
    },
    /// Removes a definition.
    Undefine(DeviceId),
    /// Sets whether a defined device starts with its parent.
    SetAutostart {
        /// Which device.
        device: DeviceId,
        /// Whether it shall.
        autostart: bool,
    },
    /// Makes a virtual port of a Fibre Channel host (NPIV), which appears as a SCSI host.
    CreateVport {
        /// The host that gets the port.
        host: DeviceId,
        /// World-wide node name: 16 hexadecimal digits.
        wwnn: String,
        /// World-wide port name: 16 hexadecimal digits.
        wwpn: String,
    },
    /// Removes a virtual port of a Fibre Channel host.
    DeleteVport {
        /// The host whose port it is.
        host: DeviceId,
        /// World-wide node name of the port.
        wwnn: String,
        /// World-wide port name of the port.
        wwpn: String,
    },
}

impl Action {
    /// The capability of the devices that it is about: whoever controls it performs the action.
    #[must_use]
    pub const fn capability(&self) -> Capability {
        match self {
            Self::CreateVport { .. } | Self::DeleteVport { .. } => Capability::ScsiHost,
            _ => Capability::Mdev,
        }
    }

    /// The device that it changes, where it has an identity before it is done.
    #[must_use]
    pub fn device(&self) -> Option<DeviceId> {
        match self {
            Self::Define { parent, uuid, .. } | Self::Create { parent, uuid, .. } => {
                Some(DeviceId::mdev(uuid.as_deref()?, parent))
            }
            Self::Start(device) | Self::Stop(device) | Self::Undefine(device) => {
                Some(device.clone())
            }
            Self::Modify { device, .. } | Self::SetAutostart { device, .. } => Some(device.clone()),
            Self::CreateVport { host, .. } | Self::DeleteVport { host, .. } => Some(host.clone()),
        }
    }
}

/// In a few words, for a log: `start of mdev:…`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uuid = |uuid: &Option<String>| uuid.clone().unwrap_or_else(|| "a new uuid".to_owned());
        match self {
            Self::Define { parent, uuid: wanted, .. } => {
                write!(f, "definition of {} below {parent}", uuid(wanted))
            }
            Self::Create { parent, uuid: wanted, .. } => {
                write!(f, "creation of {} below {parent}", uuid(wanted))
            }
            Self::Start(device) => write!(f, "start of {device}"),
            Self::Stop(device) => write!(f, "stop of {device}"),
            Self::Modify { device, .. } => write!(f, "change of {device}"),
            Self::Undefine(device) => write!(f, "removal of the definition of {device}"),
            Self::SetAutostart { device, autostart: true } => write!(f, "autostart of {device}"),
            Self::SetAutostart { device, .. } => write!(f, "no autostart of {device}"),
            Self::CreateVport { host, wwpn, .. } => {
                write!(f, "creation of virtual port {wwpn} of {host}")
            }
            Self::DeleteVport { host, wwpn, .. } => {
                write!(f, "removal of virtual port {wwpn} of {host}")
            }
        }
    }
}

/// A source that can also change devices.
#[async_trait]
pub trait NodeDeviceControl: fmt::Debug + Send + Sync + 'static {
    /// The capabilities whose devices this source changes. Constant.
    fn controls(&self) -> Vec<Capability>;

    /// Does it, and names the device that it was done to, where that is known: a virtual port has no
    /// identity before the kernel shows it.
    ///
    /// The return says that the tool has done it, not that the list already shows it. The future may
    /// be dropped at any await; the action may then have happened or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for an action that this source or
    /// the installed tool does not know, [`ErrorKind::Busy`](crate::ErrorKind::Busy) for a device
    /// that is in use, [`ErrorKind::Failed`](crate::ErrorKind::Failed) with the tool's own words
    /// when it refuses.
    async fn perform(&self, action: Action) -> Result<Option<DeviceId>, SourceError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_told_in_a_few_words() {
        let device = DeviceId::mdev("11111111-2222-4333-8444-555555555555", "mtty");
        assert_eq!(Action::Start(device.clone()).to_string(), format!("start of {device}"));
        let config =
            MdevConfig { mdev_type: "t".to_owned(), attributes: Vec::new(), autostart: false };
        let create = Action::Create { parent: "mtty".to_owned(), uuid: None, config };
        assert_eq!(create.to_string(), "creation of a new uuid below mtty");
    }
}
