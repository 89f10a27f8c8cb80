//! What is drawn: a tree of boxes, whichever way it is drawn then.

use std::collections::{BTreeMap, BTreeSet};

use nodedev_types::fields::{mdev_types, pci};
use nodedev_types::{Device, DeviceName, MdevType, PciAddress};

use super::look;

pub(super) type Devices = BTreeMap<DeviceName, Device>;

/// A box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// In large letters.
    pub(super) name: String,
    /// Below it: kind, driver, state.
    pub(super) about: String,
    /// What the pointer tells, a line each.
    pub(super) tip: Vec<String>,
    /// What it belongs to: decides its colour.
    pub(super) family: &'static str,
    /// It has a definition.
    pub(super) dashed: bool,
    /// It does not exist now, or stands elsewhere too.
    pub(super) faint: bool,
    /// It is what was asked for.
    pub(super) chosen: bool,
}

/// Boxes, each with its parent, which is before it.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) title: String,
    pub(super) nodes: Vec<Node>,
    pub(super) parents: Vec<Option<usize>>,
}

impl Tree {
    /// Everything, children in the order of their names.
    pub(super) fn of_all(devices: &Devices) -> Self {
        let mut tree = Self { title: format!("{} devices", devices.len()), ..Self::default() };
        let mut children: BTreeMap<Option<&DeviceName>, Vec<&Device>> = BTreeMap::new();
        for device in devices.values() {
            // One whose parent went meanwhile stands alone.
            let parent = device.parent.as_ref().filter(|parent| devices.contains_key(*parent));
            children.entry(parent).or_default().push(device);
        }
        // Not by recursion: nobody says how deep a tree is.
        let roots = children.get(&None).into_iter().flatten();
        let mut left: Vec<_> = roots.rev().map(|device| (*device, None)).collect();
        while let Some((device, parent)) = left.pop() {
            let at = tree.push(look::node(device), parent);
            let below = children.get(&Some(&device.name)).into_iter().flatten();
            left.extend(below.rev().map(|child| (*child, Some(at))));
        }
        tree
    }

    /// The devices above this one, it, its children, its IOMMU group and the types that it can make.
    pub(super) fn around(devices: &Devices, name: &str) -> Option<Self> {
        let device = devices.get(&DeviceName::new(name))?;
        let mut tree = Self { title: format!("around {name}"), ..Self::default() };
        let mut above = Vec::new();
        let mut seen = BTreeSet::from([&device.name]);
        let up = |device: &Device| device.parent.as_ref().and_then(|name| devices.get(name));
        let mut next = up(device);
        while let Some(parent) = next.filter(|parent| seen.insert(&parent.name)) {
            above.push(parent);
            next = up(parent);
        }
        let mut at = None;
        for parent in above.into_iter().rev() {
            at = Some(tree.push(look::node(parent), at));
        }
        let middle = tree.push(Node { chosen: true, ..look::node(device) }, at);
        for child in devices.values().filter(|child| child.parent.as_ref() == Some(&device.name)) {
            tree.push(look::node(child), Some(middle));
        }
        let types: &[MdevType] = device.fields.get(mdev_types::TYPES).unwrap_or_default();
        for mdev_type in types {
            tree.push(look::mdev_type(mdev_type), Some(middle));
        }
        if let Some(number) = device.fields.get(pci::IOMMU_GROUP) {
            tree.push_group(devices, device, number, middle);
        }
        Some(tree)
    }

    fn push_group(&mut self, devices: &Devices, device: &Device, number: u64, middle: usize) {
        let own = device.fields.get(pci::ADDRESS);
        let members: &[PciAddress] =
            device.fields.get(pci::IOMMU_GROUP_ADDRESSES).unwrap_or_default();
        let others: BTreeSet<_> = members.iter().filter(|member| Some(**member) != own).collect();
        let group = self.push(look::iommu_group(number, members.len()), Some(middle));
        for member in others {
            let there = |device: &&Device| device.fields.get(pci::ADDRESS) == Some(*member);
            let node = match devices.values().find(there) {
                Some(device) => look::node(device),
                None => look::missing(&member.to_string()),
            };
            let is_drawn = self.nodes.iter().any(|drawn| drawn.name == node.name);
            self.push(Node { faint: node.faint || is_drawn, ..node }, Some(group));
        }
    }

    pub(super) fn push(&mut self, node: Node, parent: Option<usize>) -> usize {
        self.nodes.push(node);
        self.parents.push(parent);
        self.nodes.len() - 1
    }
}
