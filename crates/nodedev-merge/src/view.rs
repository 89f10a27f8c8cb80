//! The whole list from everything that is said: the definition of what a registry must show.
//!
//! Works everything out from nothing, in one pass. A registry that keeps indexes gives the same
//! result at the cost of what changed.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use nodedev_types::fields::device;
use nodedev_types::{Device, DeviceId, DeviceName, Observation};

use crate::merge::{Claim, Merged};
use crate::names::{base_name, names_in_group};
use crate::policy::Policy;
use crate::relations::{RelationIndex, is_mdev_capable, parent_address, parent_of};

/// All devices by name, from the latest observation of each source about each device.
///
/// Of two observations of one source about one device the one with the higher revision counts.
#[must_use]
pub fn view<'a>(
    policy: &Policy,
    said: impl IntoIterator<Item = &'a Observation>,
) -> BTreeMap<DeviceName, Device> {
    let merged = merge_all(policy, said);
    let names = name_all(&merged);
    let index = Index::new(&merged);
    let device = |(id, merged): (&DeviceId, Merged)| {
        let parent = parent_name(id, &merged, &index, &names);
        let name = names[id].clone();
        let Merged { active, persistent, autostart, fields } = merged;
        let id = id.clone();
        (name.clone(), Device { name, id, parent, active, persistent, autostart, fields })
    };
    merged.iter().map(|(id, merged)| device((id, merged.clone()))).collect()
}

fn merge_all<'a>(
    policy: &Policy,
    said: impl IntoIterator<Item = &'a Observation>,
) -> BTreeMap<DeviceId, Merged> {
    let mut claims: BTreeMap<&DeviceId, BTreeMap<&_, &Observation>> = BTreeMap::new();
    for observation in said {
        let latest = claims.entry(&observation.device).or_default();
        let known = latest.entry(&observation.source).or_insert(observation);
        // Equal revisions do not occur; if they do, the order of arrival still decides nothing.
        let age = |o: &'a Observation| (o.revision, &o.fields);
        if age(observation) > age(known) {
            *known = observation;
        }
    }
    let merge = |(id, latest): (&DeviceId, BTreeMap<_, &Observation>)| {
        let claims: Vec<_> =
            latest.values().map(|o| Claim { source: &o.source, fields: &o.fields }).collect();
        Some((id.clone(), policy.merge(id, &claims)?))
    };
    claims.into_iter().filter_map(merge).collect()
}

fn name_all(merged: &BTreeMap<DeviceId, Merged>) -> BTreeMap<&DeviceId, DeviceName> {
    let mut groups: BTreeMap<DeviceName, Vec<&DeviceId>> = BTreeMap::new();
    for (id, merged) in merged {
        groups.entry(base_name(id, &merged.fields)).or_default().push(id);
    }
    let named = |(base, ids): (&DeviceName, &Vec<_>)| {
        names_in_group(base, ids.iter().copied(), |name| groups.contains_key(name))
    };
    groups.iter().flat_map(named).collect()
}

fn parent_name(
    id: &DeviceId,
    merged: &Merged,
    index: &Index<'_>,
    names: &BTreeMap<&DeviceId, DeviceName>,
) -> Option<DeviceName> {
    if *id == DeviceId::Computer {
        return None;
    }
    let parent = parent_of(id, &merged.fields, index);
    Some(parent.map_or_else(|| DeviceName::new("computer"), |parent| names[&parent].clone()))
}

struct Index<'a> {
    paths: BTreeMap<&'a str, &'a DeviceId>,
    addresses: BTreeMap<&'a str, (bool, &'a DeviceId)>,
}

impl<'a> Index<'a> {
    fn new(merged: &'a BTreeMap<DeviceId, Merged>) -> Self {
        let mut index = Self { paths: BTreeMap::new(), addresses: BTreeMap::new() };
        // In the order of ids, so the smallest id is seen first.
        for (id, merged) in merged {
            if let Some(path) = merged.fields.get(device::PATH) {
                index.paths.entry(path).or_insert(id);
            }
            if let Some(address) = parent_address(id, &merged.fields) {
                let capable = is_mdev_capable(&merged.fields);
                let best = index.addresses.entry(address).or_insert((capable, id));
                if capable && !best.0 {
                    *best = (capable, id);
                }
            }
        }
        index
    }
}

impl RelationIndex for Index<'_> {
    fn device_at(&self, path: &str) -> Option<DeviceId> {
        self.paths.get(path).map(|id| (*id).clone())
    }

    fn device_with_address(&self, address: &str) -> Option<DeviceId> {
        self.addresses.get(address).map(|(_, id)| (*id).clone())
    }
}
