//! What a source says of a device: the likely thing, or any nonsense laid over it.

use std::sync::LazyLock;

use nodedev_types::fields::{device, mdev, mdev_types, net, system};
use nodedev_types::{
    Capability, DeviceId, Field, FieldName, Fields, MdevAttribute, MdevType, SourceId, Value,
};

use crate::world::{MAC, PCI, UUID};

/// The fields for these bits. The lowest two choose between the likely thing (0 and 1), that with
/// noise over it (2) and noise alone (3); two more for each field of [`NOISE`] say what happens to it.
pub(crate) fn fields_of(source: &str, id: &DeviceId, bits: u64) -> Fields {
    let mut fields = match bits & 3 {
        3 => Fields::new(),
        _ => likely(source, id),
    };
    if bits & 3 >= 2 {
        for (at, (name, values)) in NOISE.iter().enumerate() {
            match (bits >> (2 + 2 * at)) & 3 {
                2 => {
                    let choice = (bits >> 17).wrapping_mul(at as u64 + 1) as usize;
                    fields.insert(name.clone(), values[choice % values.len()].clone());
                }
                3 => {
                    fields.remove(name);
                }
                _ => {}
            }
        }
    }
    fields
}

fn likely(source: &str, id: &DeviceId) -> Fields {
    let mut fields = match source {
        SourceId::UDEV => of_kernel(id),
        "acme" => grabbing(),
        _ => Fields::new(),
    };
    if let DeviceId::Mdev { uuid, parent } = id {
        fields.set(mdev::UUID, uuid.as_str());
        fields.set(mdev::PARENT_ADDR, &**parent);
        match source {
            SourceId::MDEVCTL_DEFINED => {
                fields.set(device::CAPABILITY, Capability::Mdev);
                fields.set(device::AUTOSTART, true);
                fields.set(mdev::DEFINED_TYPE, "mtty-1");
                fields.set(mdev::DEFINED_ATTRIBUTES, attributes("defined"));
            }
            SourceId::MDEVCTL_ACTIVE => {
                fields.set(mdev::TYPE, "mtty-1");
                fields.set(mdev::ATTRIBUTES, attributes("live"));
            }
            _ => {}
        }
    }
    fields
}

fn of_kernel(id: &DeviceId) -> Fields {
    let mut fields = Fields::new();
    match id {
        DeviceId::Computer => fields.set(system::PRODUCT, "Standard PC"),
        DeviceId::Sysfs(path) => {
            fields.set(device::PATH, path.as_str());
            describe(path.as_str(), path.file_name(), &mut fields);
        }
        DeviceId::Mdev { uuid, parent } => {
            fields.set(device::CAPABILITY, Capability::Mdev);
            fields.set(device::PATH, mdev_path(parent, uuid.as_str()));
            fields.set(mdev::TYPE, "mtty-2");
            fields.set(mdev::IOMMU_GROUP, 7_u64);
        }
        _ => {}
    }
    fields
}

fn describe(path: &str, name: &str, fields: &mut Fields) {
    let capability = match path {
        _ if path == PCI => Capability::Pci,
        _ if path.contains("/net/") => Capability::Net,
        _ if path.contains("vfio_ap") => Capability::ApMatrix,
        _ if path.ends_with("mtty") || path.ends_with("host") => Capability::MdevTypes,
        _ => return fields.set(device::SUBSYSTEM, "platform"),
    };
    fields.set(device::CAPABILITY, capability);
    match capability {
        Capability::Pci => fields.set(device::ADDRESS, name),
        Capability::MdevTypes => {
            let address = if name == "host" { "0000:00:02.0" } else { name };
            fields.set(device::ADDRESS, address);
            fields.set(device::SUBSYSTEM, name);
            fields.set(mdev_types::TYPES, vec![mdev_type()]);
        }
        // The lookalikes have the address in their own name.
        Capability::Net if name.len() < 8 => fields.set(net::ADDRESS, MAC),
        _ => {}
    }
}

fn mdev_path(parent: &str, uuid: &str) -> String {
    match parent {
        "mtty" => format!("/sys/devices/virtual/mtty/mtty/{uuid}"),
        _ => format!("/sys/devices/pci0000:00/{parent}/{uuid}"),
    }
}

/// A third party that would like to be the parent of everything.
fn grabbing() -> Fields {
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::MdevTypes);
    fields.set(device::PATH, "/sys/devices/pci0000:00");
    fields.set(device::ADDRESS, "0000:00:02.0");
    fields.set(device::AUTOSTART, true);
    fields.set(mdev_types::TYPES, vec![mdev_type()]);
    fields.insert(FieldName::extension("acme", "slot"), Value::Number(7));
    fields
}

static NOISE: LazyLock<Vec<(FieldName, Vec<Value>)>> = LazyLock::new(noise);

/// Fields with values that matter to names, parents and conditions, and some that are of the wrong
/// type. At most 31 of them: two bits for each.
fn noise() -> Vec<(FieldName, Vec<Value>)> {
    let text = |texts: &[&str]| texts.iter().map(|text| Value::from(*text)).collect();
    let number = |number| vec![Value::Number(number), Value::Number(0)];
    let flags = || vec![true.into(), false.into(), "yes".into()];
    let lists = || vec![attributes("noise").into(), Value::Attributes(vec![])];
    let capabilities = [
        Capability::Net,
        Capability::Storage,
        Capability::MdevTypes,
        Capability::ApMatrix,
        Capability::Mdev,
        Capability::UsbDevice,
    ];
    let paths =
        ["/sys/devices/a/b/x", PCI, "/sys/devices/a", "/sys/devices/pci0000:00", "not a path", ""];
    let known: Vec<(Field, Vec<Value>)> = vec![
        (Field::DeviceCapability, capabilities.map(Value::from).to_vec()),
        (Field::DevicePath, text(&paths)),
        (Field::DeviceAddress, text(&["0000:00:02.0", "mtty", ""])),
        (Field::DeviceSubsystem, text(&["net", "", "usb"])),
        (Field::NetAddress, text(&[MAC, "", "02:00"])),
        (Field::StorageSerial, text(&["S.1", "S-1", ""])),
        (Field::MdevTypesTypes, vec![vec![mdev_type()].into(), Value::MdevTypes(vec![])]),
        (Field::DeviceAutostart, flags()),
        (Field::MdevUuid, text(&[UUID, ""])),
        (Field::MdevParentAddr, text(&["0000:00:02.0", "mtty", ""])),
        (Field::MdevType, text(&["mtty-1", "mtty-2", ""])),
        (Field::MdevIommuGroup, number(9)),
        (Field::MdevAttributes, lists()),
        (Field::MdevDefinedType, text(&["mtty-1", "mtty-2"])),
        (Field::MdevDefinedAttributes, lists()),
        (Field::DeviceDriver, text(&["vfio-pci", ""])),
        (
            Field::DeviceDevlinks,
            vec![vec!["b".to_owned(), "a".to_owned()].into(), Vec::<String>::new().into()],
        ),
        (Field::PciClass, number(0x02_0000)),
    ];
    let extensions = ["acme", "net", "ghost"].map(|of| (FieldName::extension(of, "x"), number(1)));
    let known = known.into_iter().map(|(field, values)| (field.into(), values));
    known.chain(extensions).collect()
}

fn mdev_type() -> MdevType {
    MdevType {
        id: "mtty-1".into(),
        name: None,
        device_api: "vfio-pci".into(),
        available_instances: 24,
    }
}

fn attributes(value: &str) -> Vec<MdevAttribute> {
    vec![MdevAttribute { name: "assign".into(), value: value.into() }]
}
