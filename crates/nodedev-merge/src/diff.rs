//! What clients are told when the list changes: events on names.

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;

use nodedev_types::{Device, DeviceId, DeviceName};
use serde::{Deserialize, Serialize};

use crate::relations::sysfs_path;

/// What happened to a name, in libvirt's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChangeKind {
    /// The device is no longer active.
    Deleted,
    /// The device is no longer persistent.
    Undefined,
    /// The device has become active.
    Created,
    /// The device has become persistent.
    Defined,
    /// Something else about the device is different.
    Updated,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deleted => "deleted",
            Self::Undefined => "undefined",
            Self::Created => "created",
            Self::Defined => "defined",
            Self::Updated => "updated",
        })
    }
}

/// One event.
///
/// A device that is no longer active and not persistent is gone, likewise one that is no longer
/// persistent and not active; whoever applies these rules, and reads a device again on any other
/// event, always holds the published list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// To which name.
    pub name: DeviceName,
    /// Which device has or had that name.
    pub id: DeviceId,
}

/// The events that lead from one list to the next, in the order in which clients get them.
///
/// Each item is what one name stood for before and what it stands for now. First everything that
/// goes, children before parents; then everything that comes, parents before children; then what is
/// merely different. A name that passes to another device is deleted and created.
pub fn in_order<'a>(
    changes: impl IntoIterator<Item = (Option<&'a Device>, Option<&'a Device>)>,
) -> Vec<Change> {
    let mut events = Vec::new();
    for (old, new) in changes {
        match (old, new) {
            (Some(old), Some(new)) if old.id == new.id => of_one_device(old, new, &mut events),
            (old, new) => {
                events.extend(old.into_iter().flat_map(|old| losses(old, None)));
                events.extend(new.into_iter().flat_map(|new| gains(None, new)));
            }
        }
    }
    // Names are hardly out of the order of paths: this sort makes use of what is in order already.
    let mut placed: Vec<_> = events.into_iter().map(|event| (order(&event), event)).collect();
    placed.sort_by_key(|(place, _)| *place);
    let change = |(_, (kind, device)): (_, (ChangeKind, &Device))| Change {
        kind,
        name: device.name.clone(),
        id: device.id.clone(),
    };
    placed.into_iter().map(change).collect()
}

fn of_one_device<'a>(old: &'a Device, new: &'a Device, events: &mut Vec<(ChangeKind, &'a Device)>) {
    let before = events.len();
    events.extend(losses(old, Some(new)));
    events.extend(gains(Some(old), new));
    if events.len() == before && old != new {
        events.push((ChangeKind::Updated, new));
    }
}

fn losses<'a>(
    old: &'a Device,
    new: Option<&Device>,
) -> impl Iterator<Item = (ChangeKind, &'a Device)> + use<'a> {
    let active = old.active && !new.is_some_and(|new| new.active);
    let persistent = old.persistent && !new.is_some_and(|new| new.persistent);
    let kinds = [(active, ChangeKind::Deleted), (persistent, ChangeKind::Undefined)];
    kinds.into_iter().filter(|(lost, _)| *lost).map(move |(_, kind)| (kind, old))
}

fn gains<'a>(
    old: Option<&Device>,
    new: &'a Device,
) -> impl Iterator<Item = (ChangeKind, &'a Device)> + use<'a> {
    let active = new.active && !old.is_some_and(|old| old.active);
    let persistent = new.persistent && !old.is_some_and(|old| old.persistent);
    let kinds = [(active, ChangeKind::Created), (persistent, ChangeKind::Defined)];
    kinds.into_iter().filter(|(gained, _)| *gained).map(move |(_, kind)| (kind, new))
}

type Order<'a> = (u8, Reverse<Option<Place<'a>>>, Option<Place<'a>>, ChangeKind);
type Place<'a> = (u8, Option<&'a str>, &'a DeviceId);

/// What goes, from the bottom up; what comes, from the top down; what is different, likewise.
fn order<'a>(&(kind, device): &(ChangeKind, &'a Device)) -> Order<'a> {
    let stage = match kind {
        ChangeKind::Deleted | ChangeKind::Undefined => 0,
        ChangeKind::Created | ChangeKind::Defined => 1,
        ChangeKind::Updated => 2,
    };
    let place = Some(place(device));
    let (upwards, downwards) = match stage {
        0 => (place, None),
        _ => (None, place),
    };
    (stage, Reverse(upwards), downwards, kind)
}

/// The host first, then what has a path, so that what lies below comes later; then what is found by
/// an address. The same paths count here as where parents are looked up.
fn place(device: &Device) -> Place<'_> {
    let path = sysfs_path(&device.fields);
    let rank = match (&device.id, &path) {
        (DeviceId::Computer, _) => 0,
        (_, Some(_)) => 1,
        (_, None) => 2,
    };
    (rank, path, &device.id)
}
