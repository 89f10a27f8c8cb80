//! The simulated kernel: devices, parents of mediated devices, interfaces, and what it announces.
//!
//! Knows neither sources nor time. Every change gives the uevents that it makes, in order.

use std::collections::BTreeMap;

use nodedev_types::{DeviceId, MdevAttribute};

/// A bridge with devices behind it.
pub(crate) const PORT: &str = "/sys/devices/pci0000:00/0000:00:01.0";
/// Where interfaces without hardware lie.
const VIRTUAL: &str = "/sys/devices/virtual";

/// A place for a parent of mediated devices.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) path: &'static str,
    /// What its mediated devices call it.
    pub(crate) address: &'static str,
    /// Whether it is a PCI function, which is there without its driver too.
    pub(crate) is_pci: bool,
}

pub(crate) static SLOTS: [Slot; 3] = [
    Slot {
        path: "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0",
        address: "0000:01:00.0",
        is_pci: true,
    },
    Slot { path: "/sys/devices/pci0000:00/0000:00:02.0", address: "0000:00:02.0", is_pci: true },
    Slot { path: "/sys/devices/virtual/mtty/mtty", address: "mtty", is_pci: false },
];

/// The types that a parent's driver brings.
pub(crate) const TYPES: [&str; 2] = ["t-1", "t-2"];
/// How many mediated devices a parent makes.
const INSTANCES: usize = 6;

/// A device as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Computer,
    Port,
    Parent { slot: usize, driver: bool },
    Net { mac: String },
    Mdev(Mdev),
}

/// A running mediated device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mdev {
    pub(crate) slot: usize,
    pub(crate) uuid: String,
    pub(crate) mdev_type: String,
    pub(crate) attributes: Vec<MdevAttribute>,
    /// `None` until its driver has bound.
    pub(crate) group: Option<u64>,
}

/// What the kernel tells its listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uevent {
    pub(crate) action: &'static str,
    pub(crate) id: DeviceId,
    /// What it was before a move.
    pub(crate) old: Option<DeviceId>,
}

type Uevents = Vec<Uevent>;

#[derive(Debug, Default, Clone)]
pub(crate) struct Kernel {
    nodes: BTreeMap<DeviceId, Node>,
}

fn sysfs(path: &str) -> DeviceId {
    DeviceId::sysfs(path).unwrap()
}

/// An interface behind the port, or one without hardware.
pub(crate) fn net_id(name: &str, behind_port: bool) -> DeviceId {
    let above = if behind_port { PORT } else { VIRTUAL };
    sysfs(&format!("{above}/net/{name}"))
}

pub(crate) fn slot_id(slot: usize) -> DeviceId {
    sysfs(SLOTS[slot].path)
}

pub(crate) fn mdev_id(slot: usize, uuid: &str) -> DeviceId {
    DeviceId::mdev(uuid, SLOTS[slot].address)
}

fn uevent(action: &'static str, id: &DeviceId) -> Uevent {
    Uevent { action, id: id.clone(), old: None }
}

impl Kernel {
    pub(crate) fn booted() -> Self {
        let mut kernel = Self::default();
        kernel.nodes.insert(DeviceId::Computer, Node::Computer);
        kernel
    }

    pub(crate) fn nodes(&self) -> &BTreeMap<DeviceId, Node> {
        &self.nodes
    }

    pub(crate) fn node(&self, id: &DeviceId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// Where it lies in sysfs.
    pub(crate) fn path(&self, id: &DeviceId) -> Option<String> {
        match (id, self.nodes.get(id)?) {
            (DeviceId::Sysfs(path), _) => Some(path.as_str().to_owned()),
            (_, Node::Mdev(mdev)) => Some(format!("{}/{}", SLOTS[mdev.slot].path, mdev.uuid)),
            _ => None,
        }
    }

    pub(crate) fn mdevs(&self) -> impl Iterator<Item = (&DeviceId, &Mdev)> {
        self.nodes.iter().filter_map(|(id, node)| match node {
            Node::Mdev(mdev) => Some((id, mdev)),
            _ => None,
        })
    }

    pub(crate) fn nets(&self) -> Vec<DeviceId> {
        let nets = self.nodes.iter().filter(|(_, node)| matches!(node, Node::Net { .. }));
        nets.map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn plug_port(&mut self) -> Uevents {
        self.add(&sysfs(PORT), Node::Port)
    }

    /// A PCI function is there without its driver; what is no PCI function comes with it.
    pub(crate) fn plug(&mut self, slot: usize) -> Uevents {
        let Slot { is_pci, path, .. } = SLOTS[slot];
        let mut uevents = if path.starts_with(PORT) { self.plug_port() } else { Vec::new() };
        uevents.extend(self.add(&slot_id(slot), Node::Parent { slot, driver: !is_pci }));
        uevents
    }

    /// What lies below goes first.
    pub(crate) fn unplug(&mut self, id: &DeviceId) -> Uevents {
        let Some(path) = self.path(id) else {
            return Vec::new();
        };
        let below = format!("{path}/");
        let is_below = |id: &DeviceId| self.path(id).is_some_and(|path| path.starts_with(&below));
        let mut going: Vec<_> = self.nodes.keys().filter(|id| is_below(id)).cloned().collect();
        going.sort_by_key(|id| std::cmp::Reverse(self.path(id)));
        going.push(id.clone());
        going.iter().for_each(|id| drop(self.nodes.remove(id)));
        going.iter().map(|id| uevent("remove", id)).collect()
    }

    pub(crate) fn unplug_port(&mut self) -> Uevents {
        self.unplug(&sysfs(PORT))
    }

    pub(crate) fn bind(&mut self, slot: usize) -> Uevents {
        match self.nodes.get_mut(&slot_id(slot)) {
            Some(Node::Parent { driver, .. }) if !*driver => {
                *driver = true;
                vec![uevent("bind", &slot_id(slot))]
            }
            _ => Vec::new(),
        }
    }

    /// A driver takes its mediated devices along.
    pub(crate) fn unbind(&mut self, slot: usize) -> Uevents {
        let id = slot_id(slot);
        if !SLOTS[slot].is_pci || !self.can_make(slot) {
            return Vec::new();
        }
        let children = self.mdevs().filter(|(_, mdev)| mdev.slot == slot);
        let children: Vec<_> = children.map(|(id, _)| id.clone()).collect();
        let mut uevents: Uevents = children.iter().flat_map(|id| self.unplug(id)).collect();
        self.nodes.insert(id.clone(), Node::Parent { slot, driver: false });
        uevents.push(uevent("unbind", &id));
        uevents
    }

    pub(crate) fn can_make(&self, slot: usize) -> bool {
        matches!(self.nodes.get(&slot_id(slot)), Some(Node::Parent { driver: true, .. }))
    }

    /// # Errors
    ///
    /// Why there cannot be such a device.
    pub(crate) fn start(&mut self, mdev: Mdev) -> Result<Uevents, &'static str> {
        let id = mdev_id(mdev.slot, &mdev.uuid);
        if !self.can_make(mdev.slot) {
            return Err("no such parent");
        }
        if self.nodes.contains_key(&id) {
            return Err("already running");
        }
        if self.mdevs().filter(|(_, other)| other.slot == mdev.slot).count() >= INSTANCES {
            return Err("no instance is left");
        }
        Ok(self.add(&id, Node::Mdev(mdev)))
    }

    /// The driver of a mediated device has bound: only now is it complete. It gets the smallest group
    /// that is free, so that one that was stopped and started can look as it did.
    pub(crate) fn bind_mdev(&mut self, id: &DeviceId) -> Uevents {
        let taken: Vec<_> = self.mdevs().filter_map(|(_, mdev)| mdev.group).collect();
        let group = (1..).find(|group| !taken.contains(group)).unwrap();
        match self.nodes.get_mut(id) {
            Some(Node::Mdev(mdev)) if mdev.group.is_none() => {
                mdev.group = Some(group);
                vec![uevent("bind", id)]
            }
            _ => Vec::new(),
        }
    }

    /// Attributes of a running device change without a uevent.
    pub(crate) fn set_attributes(&mut self, id: &DeviceId, attributes: &[MdevAttribute]) {
        if let Some(Node::Mdev(mdev)) = self.nodes.get_mut(id) {
            mdev.attributes = attributes.to_vec();
        }
    }

    pub(crate) fn add_net(&mut self, id: &DeviceId, mac: &str) -> Uevents {
        let behind_port = self.path_is_behind_port(id);
        if behind_port && !self.nodes.contains_key(&sysfs(PORT)) {
            return Vec::new();
        }
        self.add(id, Node::Net { mac: mac.to_owned() })
    }

    /// The link layer tells of it, and whoever listens reads the interface again.
    pub(crate) fn set_mac(&mut self, id: &DeviceId, new: &str) -> Uevents {
        match self.nodes.get_mut(id) {
            Some(Node::Net { mac }) => {
                new.clone_into(mac);
                vec![uevent("change", id)]
            }
            _ => Vec::new(),
        }
    }

    /// An interface gets another name, which must be free.
    pub(crate) fn rename(&mut self, old: &DeviceId, name: &str) -> Uevents {
        let new = net_id(name, self.path_is_behind_port(old));
        if self.nodes.contains_key(&new) || !matches!(self.nodes.get(old), Some(Node::Net { .. })) {
            return Vec::new();
        }
        let node = self.nodes.remove(old).unwrap();
        self.nodes.insert(new.clone(), node);
        vec![Uevent { action: "move", id: new, old: Some(old.clone()) }]
    }

    fn path_is_behind_port(&self, id: &DeviceId) -> bool {
        id.to_string().starts_with(PORT)
    }

    fn add(&mut self, id: &DeviceId, node: Node) -> Uevents {
        if self.nodes.contains_key(id) {
            return Vec::new();
        }
        self.nodes.insert(id.clone(), node);
        vec![uevent("add", id)]
    }
}
