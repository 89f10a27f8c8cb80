//! The merged list with its indexes, kept up at the cost of what changed.
//!
//! Shows exactly what `nodedev_merge::view` would: it holds no decision of its own, only what the
//! merge's functions need to be asked about few devices instead of all.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use nodedev_merge::{
    Change, Merged, RelationIndex, awaited_address, base_name, in_order, is_mdev_capable,
    names_in_group, parent_address, parent_at, suffixed_group,
};
use nodedev_types::fields::device;
use nodedev_types::{Device, DeviceId, DeviceName, SysfsPath};

use crate::few::{Few, FewOf};
use crate::room::give_back;
use crate::snapshot::Snapshot;

/// Every device, and where to find those that depend on one another.
#[derive(Debug, Default)]
pub(crate) struct Index {
    nodes: HashMap<DeviceId, Node>,
    /// Devices by path; of several the smallest counts.
    paths: BTreeMap<Arc<str>, Few<DeviceId>>,
    /// Possible parents of definitions, the best first: `false` stands for "can make them".
    addresses: HashMap<Arc<str>, Few<(bool, DeviceId)>>,
    /// Mediated devices by the parent address that they wait for.
    waiting: HashMap<Arc<str>, Few<DeviceId>>,
    /// Devices that would be called the same.
    groups: HashMap<DeviceName, Few<DeviceId>>,
    children: HashMap<DeviceId, Few<DeviceId>>,
    /// How many devices were found below others, parents resolved, names worked out and devices shown, for tests of
    /// the cost.
    #[cfg(test)]
    pub(crate) work: std::sync::atomic::AtomicUsize,
}

#[derive(Debug)]
struct Node {
    merged: Merged,
    keys: Keys,
    name: DeviceName,
    parent: Option<DeviceId>,
}

/// What the indexes know a device by.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Keys {
    path: Option<Arc<str>>,
    address: Option<(Arc<str>, bool)>,
    awaited: Option<Arc<str>>,
    base: DeviceName,
}

impl Keys {
    fn of(id: &DeviceId, merged: &Merged) -> Self {
        let fields = &merged.fields;
        let address = parent_address(id, fields).map(|a| (a.into(), !is_mdev_capable(fields)));
        Self {
            path: fields.get(device::PATH).map(|path| shared(path, id)),
            address,
            awaited: awaited_address(id, fields).map(Into::into),
            base: base_name(id, fields),
        }
    }
}

/// That path, as the identity has it if it is the same: thousands of devices have one.
fn shared(path: &str, id: &DeviceId) -> Arc<str> {
    match id {
        DeviceId::Sysfs(own) if own.as_str() == path => own.shared(),
        _ => path.into(),
    }
}

/// What one round of updates has touched, in no order and some of it several times ([`each`]).
#[derive(Debug, Default)]
struct Touched {
    /// Devices to be shown anew, or no longer.
    devices: Vec<DeviceId>,
    /// Devices whose parent may be another now.
    parents: Vec<DeviceId>,
    groups: Vec<DeviceName>,
    paths: Vec<Arc<str>>,
}

/// Each of them once, in order. They come in few ordered runs, which a sort takes as they are and a tree does not.
fn each<T: Ord>(touched: &mut Vec<T>) -> Vec<T> {
    let mut each = std::mem::take(touched);
    each.sort();
    each.dedup();
    each
}

impl Index {
    /// Takes in what some devices have become (`None`: they no longer exist), changes the snapshot
    /// accordingly and tells the events in order.
    pub(crate) fn update(
        &mut self,
        updates: Vec<(DeviceId, Option<Merged>)>,
        snapshot: &mut Snapshot,
    ) -> Vec<Change> {
        let mut touched = Touched::default();
        let mut shown: HashMap<DeviceId, DeviceName> = HashMap::new();
        for (id, merged) in updates {
            if let Some(node) = self.nodes.get(&id) {
                shown.insert(id.clone(), node.name.clone());
            }
            self.update_one(id, merged, &mut touched);
        }
        self.touch_below(&mut touched);
        self.resolve_parents(&mut touched);
        for (id, old_name) in self.resolve_names(&mut touched) {
            shown.entry(id).or_insert(old_name);
        }
        self.give_back();
        self.show(touched, &shown, snapshot)
    }

    fn give_back(&mut self) {
        give_back(&mut self.nodes);
        give_back(&mut self.addresses);
        give_back(&mut self.waiting);
        give_back(&mut self.groups);
        give_back(&mut self.children);
    }

    fn update_one(&mut self, id: DeviceId, merged: Option<Merged>, touched: &mut Touched) {
        let old = self.nodes.get(&id);
        let new_keys = merged.as_ref().map(|merged| Keys::of(&id, merged));
        if old.map(|node| &node.merged) == merged.as_ref() {
            return;
        }
        let old_keys = old.map(|node| node.keys.clone());
        if old_keys != new_keys {
            self.relink(&id, old_keys.as_ref(), new_keys.as_ref(), touched);
        }
        match (merged, new_keys) {
            (Some(merged), Some(keys)) => self.set_node(&id, merged, keys, touched),
            _ => self.remove_node(&id, touched),
        }
        touched.devices.push(id);
    }

    fn set_node(&mut self, id: &DeviceId, merged: Merged, keys: Keys, touched: &mut Touched) {
        if let Some(node) = self.nodes.get_mut(id) {
            if node.keys != keys {
                touched.parents.push(id.clone());
            }
            node.merged = merged;
            node.keys = keys;
            return;
        }
        touched.parents.push(id.clone());
        let name = keys.base.clone();
        self.nodes.insert(id.clone(), Node { merged, keys, name, parent: None });
    }

    fn remove_node(&mut self, id: &DeviceId, touched: &mut Touched) {
        let Some(node) = self.nodes.remove(id) else {
            return;
        };
        if let Some(parent) = &node.parent {
            self.children.remove_from(parent, id);
        }
        touched.parents.extend(self.children.get(id).into_iter().flat_map(Few::iter).cloned());
    }

    /// Moves the device to its new keys, each for itself: a name says nothing of what lies below.
    fn relink(
        &mut self,
        id: &DeviceId,
        old: Option<&Keys>,
        new: Option<&Keys>,
        touched: &mut Touched,
    ) {
        let path = |keys: Option<&Keys>| keys.and_then(|keys| keys.path.clone());
        let (left, entered) = changed(path(old), path(new));
        move_between(&mut self.paths, left.as_ref(), entered.as_ref(), id);
        touched.paths.extend(left.into_iter().chain(entered));
        let address = |keys: Option<&Keys>| keys.and_then(|keys| keys.address.clone());
        let (left, entered) = changed(address(old), address(new));
        if let Some((address, incapable)) = &left {
            self.addresses.remove_from(address, &(*incapable, id.clone()));
            self.touch_address(address, touched);
        }
        if let Some((address, incapable)) = &entered {
            self.addresses.insert_into(Arc::clone(address), (*incapable, id.clone()));
            self.touch_address(address, touched);
        }
        let awaited = |keys: Option<&Keys>| keys.and_then(|keys| keys.awaited.clone());
        let (left, entered) = changed(awaited(old), awaited(new));
        move_between(&mut self.waiting, left.as_ref(), entered.as_ref(), id);
        let base = |keys: Option<&Keys>| keys.map(|keys| keys.base.clone());
        let (left, entered) = changed(base(old), base(new));
        move_between(&mut self.groups, left.as_ref(), entered.as_ref(), id);
        for base in left.iter().chain(&entered) {
            touch_group(base, touched);
        }
    }

    /// Whatever lies below a touched path may have got or lost its nearest ancestor: each device once, however many
    /// of the paths above it are touched.
    fn touch_below(&self, touched: &mut Touched) {
        touched.paths = each(&mut touched.paths);
        let is_touched = |path: &str| touched.paths.binary_search_by(|p| (**p).cmp(path)).is_ok();
        for path in &touched.paths {
            if SysfsPath::ancestors_of(path).any(is_touched) {
                continue;
            }
            let below = format!("{path}/");
            let from = self.paths.range::<str, _>((Bound::Included(&*below), Bound::Unbounded));
            let range = from.take_while(|(path, _)| path.starts_with(&below));
            touched.parents.extend(range.flat_map(|(_, ids)| ids.iter()).cloned());
        }
        #[cfg(test)]
        self.count(touched.parents.len());
    }

    fn touch_address(&self, address: &Arc<str>, touched: &mut Touched) {
        touched.parents.extend(self.waiting.get(address).into_iter().flat_map(Few::iter).cloned());
    }

    fn resolve_parents(&mut self, touched: &mut Touched) {
        for id in each(&mut touched.parents) {
            let Some(node) = self.nodes.get(&id) else {
                continue;
            };
            #[cfg(test)]
            self.count(1);
            let parent = parent_at(node.keys.path.as_deref(), node.keys.awaited.as_deref(), self);
            if node.parent == parent {
                continue;
            }
            let old = self
                .nodes
                .get_mut(&id)
                .and_then(|node| std::mem::replace(&mut node.parent, parent.clone()));
            if let Some(old) = old {
                self.children.remove_from(&old, &id);
            }
            if let Some(parent) = parent {
                self.children.insert_into(parent, id.clone());
            }
            touched.devices.push(id);
        }
    }

    /// Gives names to the touched groups and returns the names that existing devices had before.
    fn resolve_names(&mut self, touched: &mut Touched) -> Vec<(DeviceId, DeviceName)> {
        let mut renamed = Vec::new();
        for base in each(&mut touched.groups) {
            let Some(ids) = self.groups.get(&base) else {
                continue;
            };
            let names = names_in_group(&base, ids.iter(), |name| self.groups.contains_key(name));
            let names: Vec<_> = names.into_iter().map(|(id, name)| (id.clone(), name)).collect();
            #[cfg(test)]
            self.count(names.len());
            for (id, name) in names {
                let Some(node) = self.nodes.get_mut(&id) else {
                    continue;
                };
                if node.name != name {
                    renamed.push((id.clone(), std::mem::replace(&mut node.name, name)));
                }
            }
        }
        for (id, _) in &renamed {
            touched.devices.push(id.clone());
            touched.devices.extend(self.children.get(id).into_iter().flat_map(Few::iter).cloned());
        }
        renamed
    }

    /// Brings the snapshot up to the nodes, for the touched devices.
    fn show(
        &self,
        mut touched: Touched,
        shown: &HashMap<DeviceId, DeviceName>,
        snapshot: &mut Snapshot,
    ) -> Vec<Change> {
        let mut names: Vec<(DeviceName, Option<Arc<Device>>)> = Vec::new();
        let devices = each(&mut touched.devices);
        #[cfg(test)]
        self.count(devices.len());
        for id in &devices {
            let old = shown.get(id).or_else(|| self.nodes.get(id).map(|node| &node.name));
            let old = old.and_then(|name| snapshot.by_name.get(name.as_str())).cloned();
            if let Some(old) = old.filter(|old| old.id == *id) {
                snapshot.take(&old);
                names.push((old.name.clone(), Some(old)));
            }
        }
        for id in &devices {
            let Some(node) = self.nodes.get(id) else {
                continue;
            };
            let device = Arc::new(self.device(id, node));
            snapshot.put(&device);
            names.push((device.name.clone(), None));
            touched.paths.extend(node.keys.path.clone());
        }
        self.show_paths(each(&mut touched.paths), snapshot);
        // Of a name that was there before, what it stood for comes first.
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        names.dedup_by(|(later, _), (first, _)| later == first);
        let now = |name: &DeviceName| snapshot.by_name.get(name).map(Arc::as_ref);
        in_order(names.iter().map(|(name, old)| (old.as_deref(), now(name))))
    }

    #[cfg(test)]
    fn count(&self, work: usize) {
        self.work.fetch_add(work, std::sync::atomic::Ordering::Relaxed);
    }

    fn show_paths(&self, paths: Vec<Arc<str>>, snapshot: &mut Snapshot) {
        for path in paths {
            let id = self.paths.get(&path).and_then(Few::first);
            match id.and_then(|id| self.nodes.get(id)) {
                Some(node) => snapshot.by_path.insert_mut(path, node.name.clone()),
                None => {
                    snapshot.by_path.remove_mut(&path);
                }
            }
        }
    }

    fn device(&self, id: &DeviceId, node: &Node) -> Device {
        let parent = node.parent.as_ref().and_then(|parent| self.nodes.get(parent));
        let host = || DeviceName::new("computer");
        let parent = parent.map_or_else(host, |parent| parent.name.clone());
        Device {
            name: node.name.clone(),
            id: id.clone(),
            parent: (*id != DeviceId::Computer).then_some(parent),
            active: node.merged.active,
            persistent: node.merged.persistent,
            autostart: node.merged.autostart,
            fields: node.merged.fields.clone(),
        }
    }
}

impl RelationIndex for Index {
    fn device_at(&self, path: &str) -> Option<DeviceId> {
        self.paths.get(path).and_then(Few::first).cloned()
    }

    fn device_with_address(&self, address: &str) -> Option<DeviceId> {
        self.addresses.get(address).and_then(Few::first).map(|(_, id)| id.clone())
    }
}

/// The group itself, and the one whose suffixed names depend on whether this one exists.
fn touch_group(base: &DeviceName, touched: &mut Touched) {
    touched.groups.push(base.clone());
    touched.groups.extend(suffixed_group(base.as_str()).map(DeviceName::new));
}

/// What of two keys has to be left and what entered: nothing where they are equal.
fn changed<K: PartialEq>(old: Option<K>, new: Option<K>) -> (Option<K>, Option<K>) {
    if old == new { (None, None) } else { (old, new) }
}

fn move_between<K: Clone>(
    index: &mut impl FewOf<K, DeviceId>,
    left: Option<&K>,
    entered: Option<&K>,
    id: &DeviceId,
) {
    if let Some(left) = left {
        index.remove_from(left, id);
    }
    if let Some(entered) = entered {
        index.insert_into(entered.clone(), id.clone());
    }
}
