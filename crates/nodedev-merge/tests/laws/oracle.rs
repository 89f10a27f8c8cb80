//! The list worked out a second time, from the words of the specification: table scans, one question
//! at a time, without the ownership table and without the functions under test.

use nodedev_types::{
    Capability, Device, DeviceId, DeviceName, Field, FieldName, Fields, Observation, Value,
};

use crate::store::List;

/// All devices, as the specification has them.
pub(crate) fn list(said: &[Observation]) -> List {
    let mut ids: Vec<_> = said.iter().map(|o| &o.device).collect();
    ids.sort();
    ids.dedup();
    let mut devices: Vec<_> = ids.into_iter().filter_map(|id| nameless(id, said)).collect();
    let names: Vec<_> = devices.iter().map(|device| name(device, &devices)).collect();
    let parents: Vec<_> = devices.iter().map(|device| parent(device, &devices)).collect();
    for (at, parent) in parents.into_iter().enumerate() {
        devices[at].name = names[at].clone();
        devices[at].parent = match (&devices[at].id, parent) {
            (DeviceId::Computer, _) => None,
            (_, Some(parent)) => Some(names[parent].clone()),
            (_, None) => Some(DeviceName::new("computer")),
        };
    }
    devices.into_iter().map(|device| (device.name.clone(), device)).collect()
}

/// What the source says of the device last.
fn word<'a>(source: &str, id: &DeviceId, said: &'a [Observation]) -> Option<&'a Fields> {
    said.iter()
        .filter(|o| o.source.as_str() == source && o.device == *id)
        .max_by_key(|o| o.revision)
        .map(|o| &o.fields)
}

/// The third-party source that a name space belongs to.
fn third_party(namespace: &str) -> &'static str {
    match namespace {
        "acme" => "acme",
        "net" => "shadow",
        _ => "nobody",
    }
}

fn nameless(id: &DeviceId, said: &[Observation]) -> Option<Device> {
    let heard = |source: &str| word(source, id, said);
    let (active, persistent) = match id {
        DeviceId::Foreign { namespace, .. } => match &**namespace {
            "acme" => (heard("acme").is_some(), false),
            "net" => (false, heard("shadow").is_some()),
            _ => (false, false),
        },
        _ => (heard("udev").is_some(), heard("mdevctl/defined").is_some()),
    };
    if !active && !persistent {
        return None;
    }
    let mut fields = Fields::new();
    let mut autostart = false;
    for name in said.iter().flat_map(|o| o.fields.iter().map(|(name, _)| name)) {
        let by = |source: &str| heard(source).and_then(|fields| fields.value(name)).cloned();
        let value = match (id, name) {
            (DeviceId::Foreign { namespace, .. }, _) => by(third_party(namespace)),
            (_, FieldName::Extension(extension)) => by(third_party(&extension.namespace)),
            (_, FieldName::Known(field)) => match field {
                Field::DeviceCapability | Field::MdevUuid | Field::MdevParentAddr => {
                    by("udev").or_else(|| by("mdevctl/defined"))
                }
                Field::MdevAttributes => by("mdevctl/active"),
                Field::DeviceAutostart | Field::MdevDefinedType | Field::MdevDefinedAttributes => {
                    by("mdevctl/defined")
                }
                _ => by("udev"),
            },
            _ => None,
        };
        let counts = match name {
            FieldName::Known(Field::MdevAttributes) => active,
            FieldName::Known(
                Field::DeviceAutostart | Field::MdevDefinedType | Field::MdevDefinedAttributes,
            ) => persistent,
            _ => true,
        };
        match value.filter(|_| counts) {
            Some(value) if *name == FieldName::Known(Field::DeviceAutostart) => {
                autostart = value == Value::Flag(true);
            }
            Some(value) => fields.insert(name.clone(), value),
            None => {}
        }
    }
    let is_host = *id == DeviceId::Computer;
    Some(Device {
        name: DeviceName::new(""),
        id: id.clone(),
        parent: None,
        active,
        persistent: persistent || is_host,
        autostart: autostart || is_host,
        fields,
    })
}

fn text(device: &Device, field: Field) -> Option<&str> {
    match device.fields.value(&field.into()) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// By the table of names, without regard for others.
fn wish(device: &Device) -> String {
    let parts: Vec<&str> = match &device.id {
        DeviceId::Computer => return "computer".into(),
        DeviceId::Mdev { uuid, parent } => vec!["mdev", uuid.as_str(), parent],
        DeviceId::Foreign { namespace, key } => vec![namespace, key],
        DeviceId::Sysfs(path) => {
            let sysname = path.as_str().split('/').next_back().unwrap_or_default();
            let net = text(device, Field::NetAddress);
            let serial = text(device, Field::StorageSerial);
            let (usual, suffix) = match device.capability() {
                Some(Capability::ApMatrix) => return "ap_matrix".into(),
                Some(Capability::Pci) => ("pci", None),
                Some(Capability::UsbDevice) => ("usb", None),
                Some(Capability::Net) => ("net", net),
                Some(Capability::Storage) => ("block", serial),
                _ => ("device", None),
            };
            let subsystem = text(device, Field::DeviceSubsystem).unwrap_or(usual);
            [vec![subsystem, sysname], suffix.into_iter().collect()].concat()
        }
        _ => vec![],
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    parts.join("_").chars().map(plain).collect()
}

fn name(device: &Device, all: &[Device]) -> DeviceName {
    let base = wish(device);
    let mut rivals: Vec<_> = all.iter().filter(|other| wish(other) == base).collect();
    rivals.sort_by_key(|rival| &rival.id);
    let mut given: Vec<String> = Vec::new();
    for rival in rivals {
        let text = rival.id.to_string();
        let hash = fnv1a(text.as_bytes());
        let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let candidates = [
            format!("{base}_{:08x}", hash >> 32),
            format!("{base}_{hash:016x}"),
            format!("{base}_{digits}"),
        ];
        let free = |name: &String| all.iter().all(|d| wish(d) != *name) && !given.contains(name);
        let name = if given.is_empty() {
            base.clone()
        } else {
            let longest = candidates[2].clone();
            let longer = (1..99).map(|zeros| format!("{longest}{}", "0".repeat(zeros)));
            candidates.into_iter().chain(longer).find(free).unwrap_or_default()
        };
        if rival.id == device.id {
            return DeviceName::new(&name);
        }
        given.push(name);
    }
    unreachable!("a device is its own rival")
}

fn parent(device: &Device, all: &[Device]) -> Option<usize> {
    let ours = |at: &usize| !matches!(all[*at].id, DeviceId::Foreign { .. });
    let by_id = |at: &usize| std::cmp::Reverse(&all[*at].id);
    if let Some(path) = text(device, Field::DevicePath).filter(|path| path.starts_with("/sys/")) {
        let above = |at: &usize| {
            text(&all[*at], Field::DevicePath).is_some_and(|above| {
                above.starts_with("/sys/") && path.starts_with(&format!("{above}/"))
            })
        };
        let length = |at: &usize| text(&all[*at], Field::DevicePath).map(str::len);
        return (0..all.len()).filter(ours).filter(above).max_by_key(|at| (length(at), by_id(at)));
    }
    let DeviceId::Mdev { parent, .. } = &device.id else {
        return None;
    };
    let address = text(device, Field::MdevParentAddr).unwrap_or(parent);
    let meant = |at: &usize| text(&all[*at], Field::DeviceAddress) == Some(address);
    let no_mdev = |at: &usize| !matches!(all[*at].id, DeviceId::Mdev { .. });
    let capable = |at: &usize| all[*at].capabilities().contains(&Capability::MdevTypes);
    (0..all.len())
        .filter(ours)
        .filter(no_mdev)
        .filter(meant)
        .max_by_key(|at| (capable(at), by_id(at)))
}

/// FNV-1a, as published.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 14_695_981_039_346_656_037;
    for byte in bytes {
        hash ^= u64::from(*byte);
        hash = hash.wrapping_mul(1_099_511_628_211);
    }
    hash
}
