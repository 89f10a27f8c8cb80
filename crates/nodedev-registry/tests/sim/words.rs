//! What the sources find when they read the simulated host: the fields of one device.

use nodedev_merge::builtin_streams;
use nodedev_source::{MdevConfig, StreamInfo};
use nodedev_types::fields::{device, mdev, mdev_types, net, system};
use nodedev_types::{Capability, DeviceId, Fields, MdevType, Observation, Revision, SourceId};

use crate::kernel::{Kernel, Mdev, Node, PORT, SLOTS, TYPES};

pub(crate) const HOST_UUID: &str = "dddddddd-0000-4000-8000-000000000000";

pub(crate) fn stream(id: &str) -> StreamInfo {
    builtin_streams().into_iter().find(|stream| stream.id.as_str() == id).unwrap()
}

pub(crate) fn observed(
    source: &str,
    device: &DeviceId,
    revision: Revision,
    fields: Fields,
) -> Observation {
    Observation { source: SourceId::new(source), device: device.clone(), revision, fields }
}

/// What sysfs shows of the device. Nothing of a mediated device whose driver has not bound yet.
pub(crate) fn kernel(kernel: &Kernel, id: &DeviceId) -> Option<Fields> {
    let mut fields = Fields::new();
    if let Some(path) = kernel.path(id) {
        fields.set(device::PATH, path);
    }
    match kernel.node(id)? {
        Node::Computer => {
            fields.set(device::CAPABILITY, Capability::System);
            fields.set(system::HARDWARE_UUID, HOST_UUID);
        }
        Node::Port => pci(&mut fields, PORT),
        Node::Parent { slot, driver } => parent(&mut fields, *slot, *driver),
        Node::Net { mac } => {
            fields.set(device::CAPABILITY, Capability::Net);
            if let DeviceId::Sysfs(path) = id {
                fields.set(net::INTERFACE, path.file_name());
            }
            fields.set(net::ADDRESS, mac.as_str());
        }
        Node::Mdev(running) => {
            fields.set(device::CAPABILITY, Capability::Mdev);
            fields.set(mdev::UUID, running.uuid.as_str());
            fields.set(mdev::PARENT_ADDR, SLOTS[running.slot].address);
            fields.set(mdev::TYPE, running.mdev_type.as_str());
            fields.set(mdev::IOMMU_GROUP, running.group?);
        }
    }
    Some(fields)
}

fn pci(fields: &mut Fields, path: &str) {
    fields.set(device::CAPABILITY, Capability::Pci);
    fields.set(device::ADDRESS, path.rsplit('/').next().unwrap());
}

fn parent(fields: &mut Fields, slot: usize, driver: bool) {
    let slot = &SLOTS[slot];
    if slot.is_pci {
        pci(fields, slot.path);
    } else {
        fields.set(device::CAPABILITY, Capability::MdevTypes);
        fields.set(device::SUBSYSTEM, "mtty");
        fields.set(device::ADDRESS, slot.address);
    }
    let types = TYPES.map(|id| MdevType {
        id: id.to_owned(),
        name: None,
        device_api: "vfio-pci".to_owned(),
        // A number that no uevent tells of: of interest to a document that is read again only.
        available_instances: 1,
    });
    fields.set_opt(mdev_types::TYPES, driver.then(|| types.to_vec()));
}

/// What the listing of definitions says of one.
pub(crate) fn definition(id: &DeviceId, config: &MdevConfig) -> Fields {
    let mut fields = identity(id);
    fields.set(device::CAPABILITY, Capability::Mdev);
    fields.set(device::AUTOSTART, config.autostart);
    fields.set(mdev::DEFINED_TYPE, config.mdev_type.as_str());
    fields.set(mdev::DEFINED_ATTRIBUTES, config.attributes.clone());
    fields
}

/// What the listing of running devices says of one.
pub(crate) fn running(id: &DeviceId, mdev: &Mdev) -> Fields {
    let mut fields = identity(id);
    fields.set(mdev::TYPE, mdev.mdev_type.as_str());
    fields.set(mdev::ATTRIBUTES, mdev.attributes.clone());
    fields
}

fn identity(id: &DeviceId) -> Fields {
    let mut fields = Fields::new();
    if let DeviceId::Mdev { uuid, parent } = id {
        fields.set(mdev::UUID, uuid.as_str());
        fields.set(mdev::PARENT_ADDR, &**parent);
    }
    fields
}
