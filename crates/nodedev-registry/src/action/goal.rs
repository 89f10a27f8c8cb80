//! What the list shows once an action has been done. Pure.

use std::sync::Arc;

use nodedev_source::{Action, Hint};
use nodedev_types::{Capability, Device, DeviceId, fields::scsi_host};

use crate::snapshot::Snapshot;
use crate::state::SourceIndex;

/// What is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Goal {
    Active(DeviceId),
    Inactive(DeviceId),
    Persistent(DeviceId),
    NotPersistent(DeviceId),
    Autostart(DeviceId, bool),
    /// It has been listed again since: what changed is not the caller's to know.
    ListedAgain(DeviceId),
    Vport {
        wwnn: String,
        wwpn: String,
        present: bool,
    },
    /// Nothing is known that could be looked for.
    Nothing,
}

impl Goal {
    /// `done` is the device that the source named.
    pub(super) fn of(action: &Action, done: Option<DeviceId>) -> Self {
        if let Action::CreateVport { wwnn, wwpn, .. } | Action::DeleteVport { wwnn, wwpn, .. } =
            action
        {
            let present = matches!(action, Action::CreateVport { .. });
            return Self::Vport { wwnn: wwnn.clone(), wwpn: wwpn.clone(), present };
        }
        let Some(device) = done.or_else(|| action.device()) else {
            return Self::Nothing;
        };
        match action {
            Action::Define { .. } => Self::Persistent(device),
            Action::Create { .. } | Action::Start(_) => Self::Active(device),
            Action::Stop(_) => Self::Inactive(device),
            Action::Undefine(_) => Self::NotPersistent(device),
            Action::SetAutostart { autostart, .. } => Self::Autostart(device, *autostart),
            Action::Modify { .. } => Self::ListedAgain(device),
            _ => Self::Nothing,
        }
    }

    /// The device, if there is one, once it is as it should be; else what is still missing.
    pub(super) fn reached(
        &self,
        list: &Snapshot,
        hints: &[(SourceIndex, Hint)],
    ) -> Result<Option<Arc<Device>>, String> {
        let found = self.find(list).cloned();
        let is = |wanted: fn(&Device) -> bool| found.as_deref().is_some_and(wanted);
        let missing = match self {
            Self::Active(device) if !is(|d| d.active) => format!("{device} is not active"),
            Self::Inactive(device) if is(|d| d.active) => format!("{device} is still active"),
            Self::Persistent(device) if !is(|d| d.persistent) => {
                format!("{device} is not among the definitions")
            }
            Self::NotPersistent(device) if is(|d| d.persistent) => {
                format!("{device} is still among the definitions")
            }
            Self::Autostart(device, wanted) if is(|d| d.autostart) != *wanted => {
                let still = if *wanted { "does not start" } else { "still starts" };
                format!("{device} {still} with its parent")
            }
            Self::ListedAgain(device) if !list.answers(hints) => {
                format!("{device} has not been listed again")
            }
            Self::Vport { wwnn, wwpn, present } if found.is_some() != *present => {
                let still = if *present { "there is no" } else { "there still is a" };
                format!("{still} SCSI host with wwnn {wwnn} and wwpn {wwpn}")
            }
            _ => return Ok(found),
        };
        Err(missing)
    }

    fn find<'a>(&self, list: &'a Snapshot) -> Option<&'a Arc<Device>> {
        match self {
            Self::Active(device)
            | Self::Inactive(device)
            | Self::Persistent(device)
            | Self::NotPersistent(device)
            | Self::Autostart(device, _)
            | Self::ListedAgain(device) => list.device_of(device),
            Self::Vport { wwnn, wwpn, .. } => {
                let is_it = |device: &&Arc<Device>| {
                    is_name(device.fields.get(scsi_host::WWNN), wwnn)
                        && is_name(device.fields.get(scsi_host::WWPN), wwpn)
                };
                list.with_capability(Capability::FcHost).find(is_it)
            }
            Self::Nothing => None,
        }
    }
}

/// Whether a host shows that world-wide name. The kernel takes digits of either case, and prints a
/// number: in lower case, without zeros in front.
fn is_name(shown: Option<&str>, asked: &str) -> bool {
    let number = |name: &str| u64::from_str_radix(name, 16).ok();
    shown.is_some_and(|shown| {
        shown == asked || number(shown).is_some_and(|shown| number(asked) == Some(shown))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_wide_name_is_a_number() {
        for (shown, asked, same) in [
            ("5001a4a0000000ff", "5001A4A0000000FF", true),
            ("1a4a0000000ff", "0001a4a0000000ff", true),
            ("5001a4a0000000ff", "5001a4a0000000fe", false),
            ("x", "x", true),
            ("x", "y", false),
        ] {
            assert_eq!(is_name(Some(shown), asked), same, "{shown} {asked}");
        }
        assert!(!is_name(None, ""));
    }
}
