//! What the list must be, worked out from the simulated host alone: a table scan, no index, and no
//! function of the product but the order of identities.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nodedev_registry::Snapshot;
use nodedev_source::MdevConfig;
use nodedev_types::{DeviceId, MdevAttribute};
use nodedev_xml::{Form, write};

use crate::host::World;
use crate::kernel::{Kernel, Mdev, Node, PORT, SLOTS, TYPES, mdev_id, slot_id};
use crate::words::HOST_UUID;

/// A device as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: DeviceId,
    pub(crate) parent: Option<String>,
    pub(crate) active: bool,
    pub(crate) persistent: bool,
    pub(crate) autostart: bool,
    /// The documents, where there are such.
    pub(crate) live: Option<String>,
    pub(crate) inactive: Option<String>,
}

pub(crate) type List = BTreeMap<String, Shown>;

/// The list that is published.
pub(crate) fn published(snapshot: &Snapshot) -> List {
    let shown = snapshot.devices().map(|device| {
        let shown = Shown {
            id: device.id.clone(),
            parent: device.parent.as_ref().map(ToString::to_string),
            active: device.active,
            persistent: device.persistent,
            autostart: device.autostart,
            live: device.active.then(|| write(device, Form::Live)),
            inactive: device.persistent.then(|| write(device, Form::Inactive)),
        };
        (device.name.to_string(), shown)
    });
    shown.collect()
}

/// The list that must be.
pub(crate) fn expected(world: &World) -> List {
    let mut ids: Vec<_> = world.kernel.nodes().keys().collect();
    ids.extend(world.tool.definitions().keys());
    ids.sort();
    ids.dedup();
    let mut list = List::new();
    for id in ids {
        let node = world.kernel.node(id);
        let base = name(id, node);
        // The smallest identity keeps the name.
        let taken = list.contains_key(&base);
        let name =
            if taken { format!("{base}_{:08x}", fnv1a(&id.to_string()) >> 32) } else { base };
        let shown = show(world, id, &name);
        list.insert(name, shown);
    }
    list
}

fn name(id: &DeviceId, node: Option<&Node>) -> String {
    let text = match (id, node) {
        (DeviceId::Mdev { uuid, parent }, _) => format!("mdev_{uuid}_{parent}"),
        (DeviceId::Sysfs(path), Some(Node::Net { mac })) => {
            format!("net_{}_{mac}", path.file_name())
        }
        (_, Some(Node::Parent { slot, .. })) if !SLOTS[*slot].is_pci => "mtty_mtty".to_owned(),
        (DeviceId::Sysfs(path), _) => format!("pci_{}", path.file_name()),
        _ => "computer".to_owned(),
    };
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The 64-bit FNV-1a hash.
fn fnv1a(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

fn show(world: &World, id: &DeviceId, name: &str) -> Shown {
    let node = world.kernel.node(id);
    let config = world.tool.definition(id);
    let is_host = *id == DeviceId::Computer;
    let parent = parent(&world.kernel, id);
    let document = |live: bool| match (node, id) {
        (Some(Node::Mdev(mdev)), _) if live => running(&world.kernel, name, &parent, mdev),
        (node, DeviceId::Mdev { uuid, parent: address }) => {
            let group = match node {
                Some(Node::Mdev(mdev)) => mdev.group.unwrap_or(0),
                _ => 0,
            };
            let config = config.cloned().unwrap_or_else(|| panic!("{name} has no definition"));
            definition(name, &parent, (uuid.as_str(), address), group, &config)
        }
        (Some(node), _) => other(&world.kernel, id, name, &parent, node),
        (None, _) => panic!("{name} is neither running nor defined"),
    };
    Shown {
        id: id.clone(),
        active: node.is_some(),
        persistent: config.is_some() || is_host,
        autostart: config.is_some_and(|config| config.autostart) || is_host,
        live: node.is_some().then(|| document(true)),
        inactive: (config.is_some() || is_host).then(|| document(false)),
        parent: (!is_host).then_some(parent),
    }
}

/// The name of what is above the device.
fn parent(kernel: &Kernel, id: &DeviceId) -> String {
    let above = match (id, id.to_string()) {
        (DeviceId::Mdev { parent, .. }, _) => {
            let slot = SLOTS.iter().position(|slot| *slot.address == **parent);
            slot.map(slot_id)
        }
        (_, path) if path.starts_with(&format!("{PORT}/")) => DeviceId::sysfs(PORT).ok(),
        _ => None,
    };
    let above = above.filter(|above| kernel.node(above).is_some());
    above.map_or_else(|| "computer".to_owned(), |above| name(&above, kernel.node(&above)))
}

fn head(name: &str, path: Option<&str>, parent: &str) -> String {
    let path = path.map(|path| format!("  <path>{path}</path>\n")).unwrap_or_default();
    format!("<device>\n  <name>{name}</name>\n{path}  <parent>{parent}</parent>\n")
}

fn running(kernel: &Kernel, name: &str, parent: &str, mdev: &Mdev) -> String {
    let path = kernel.path(&mdev_id(mdev.slot, &mdev.uuid));
    let identity = (mdev.uuid.as_str(), SLOTS[mdev.slot].address);
    let group = mdev.group.unwrap_or(0);
    head(name, path.as_deref(), parent)
        + &mdev_block(&mdev.mdev_type, identity, group, &mdev.attributes)
}

fn definition(
    name: &str,
    parent: &str,
    identity: (&str, &str),
    group: u64,
    config: &MdevConfig,
) -> String {
    head(name, None, parent) + &mdev_block(&config.mdev_type, identity, group, &config.attributes)
}

fn mdev_block(
    mdev_type: &str,
    (uuid, address): (&str, &str),
    group: u64,
    attributes: &[MdevAttribute],
) -> String {
    let mut text = format!(
        "  <capability type='mdev'>\n    <type id='{mdev_type}'/>\n    <uuid>{uuid}</uuid>\n    \
         <parent_addr>{address}</parent_addr>\n    <iommuGroup number='{group}'/>\n"
    );
    for MdevAttribute { name, value } in attributes {
        writeln!(text, "    <attr name='{name}' value='{value}'/>").unwrap();
    }
    text + "  </capability>\n</device>\n"
}

/// A device that is no mediated device.
fn other(kernel: &Kernel, id: &DeviceId, name: &str, parent: &str, node: &Node) -> String {
    let path = kernel.path(id);
    let head = head(name, path.as_deref(), parent);
    match node {
        Node::Net { mac } => {
            let interface = path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap();
            format!(
                "{head}  <capability type='net'>\n    <interface>{interface}</interface>\n    \
                 <address>{mac}</address>\n  </capability>\n</device>\n"
            )
        }
        Node::Parent { slot, driver } if !SLOTS[*slot].is_pci => {
            assert!(driver, "what is no PCI function comes with its driver");
            let types = types("    ");
            format!("{head}  <capability type='mdev_types'>\n{types}  </capability>\n</device>\n")
        }
        Node::Parent { driver, .. } => {
            pci(&head, &if *driver { types("    ") } else { String::new() })
        }
        Node::Port => pci(&head, ""),
        _ => format!(
            "<device>\n  <name>computer</name>\n  <capability type='system'>\n    \
             <hardware>\n      <uuid>{HOST_UUID}</uuid>\n    </hardware>\n    <firmware>\n    \
             </firmware>\n  </capability>\n</device>\n"
        ),
    }
}

fn pci(head: &str, more: &str) -> String {
    format!("{head}  <capability type='pci'>\n{more}  </capability>\n</device>\n")
}

fn types(indent: &str) -> String {
    let mut text = format!("{indent}<capability type='mdev_types'>\n");
    for id in TYPES {
        write!(
            text,
            "{indent}  <type id='{id}'>\n{indent}    <deviceAPI>vfio-pci</deviceAPI>\n\
             {indent}    <availableInstances>1</availableInstances>\n{indent}  </type>\n"
        )
        .unwrap();
    }
    text + &format!("{indent}</capability>\n")
}

/// What is wrong with a list, a line for each name; empty when nothing is.
pub(crate) fn differences(is: &List, must: &List) -> Vec<String> {
    let mut lines = Vec::new();
    for name in is.keys().chain(must.keys().filter(|name| !is.contains_key(*name))) {
        match (is.get(name), must.get(name)) {
            (Some(is), None) => lines.push(format!("{name} is listed, and should not be: {is:?}")),
            (None, Some(must)) => lines.push(format!("{name} is missing: {must:?}")),
            (is, must) if is != must => {
                lines.push(format!("{name} is\n{is:?}\nand should be\n{must:?}"))
            }
            _ => {}
        }
    }
    lines
}
