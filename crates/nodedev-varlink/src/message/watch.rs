//! Following the list.

use nodedev_merge::ChangeKind;
use nodedev_types::{Device, DeviceId, DeviceName};
use serde::{Deserialize, Serialize};

use super::Source;

/// From where on `Watch` is asked for: what an earlier reply said. The default is from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// The generation of the last list that the client has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The run of the service that this generation is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// What `Watch` answers, again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchReply {
    /// Which run of the service this is.
    pub instance: String,
    /// The list after the changes.
    pub generation: u64,
    /// Events were lost before this reply: the list has to be read again.
    pub missed: bool,
    /// Further changes of the same generation follow in the next reply. Only who has them all has that list, and may come
    /// back with its generation.
    pub partial: bool,
    /// The events, in order.
    pub changes: Vec<Change>,
    /// Sources whose state or diagnostics are different now; all of them in the first reply. That one has
    /// become stale, or is no longer, and what it counts are no reason for a reply.
    pub sources: Vec<Source>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// To which name.
    pub name: DeviceName,
    /// Which device has or had that name.
    pub id: DeviceId,
    /// The device after the event, where it is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
}
