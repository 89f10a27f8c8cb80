//! Devices with any values in any fields.

use nodedev_types::fields::device;
use nodedev_types::{
    Capability, CcwgroupMember, Device, DeviceId, DeviceName, Field, FieldName, MdevAttribute,
    MdevType, PciAddress, PciExpress, PciLink, PciLinkSpeed, PciVpd, PciVpdField, PciVpdReadonly,
    PciVpdReadwrite, Value, ValueKind,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn text() -> impl Strategy<Value = String> + Clone {
    vec(any::<char>(), 0..8).prop_map(String::from_iter)
}

fn pci_address() -> impl Strategy<Value = PciAddress> {
    let parts = (any::<u32>(), any::<u8>(), any::<u8>(), 0..8_u8);
    parts.prop_map(|(domain, bus, slot, function)| PciAddress { domain, bus, slot, function })
}

fn link() -> impl Strategy<Value = PciLink> {
    let speed = option::of(any::<u32>().prop_map(PciLinkSpeed::from_tenths));
    (option::of(any::<u64>()), speed, any::<u64>()).prop_map(|(port, speed, width)| PciLink {
        port,
        speed,
        width,
    })
}

fn express() -> impl Strategy<Value = PciExpress> {
    let links = (option::of(link()), option::of(link()));
    links.prop_map(|(cap, sta)| PciExpress { cap, sta })
}

fn indexed() -> impl Strategy<Value = Vec<PciVpdField>> {
    let field = (any::<char>(), text()).prop_map(|(index, value)| PciVpdField { index, value });
    vec(field, 0..3)
}

fn vpd() -> impl Strategy<Value = PciVpd> {
    let some = || option::of(text());
    let readonly = (some(), some(), some(), some(), indexed()).prop_map(
        |(change_level, manufacture_id, part_number, serial_number, vendor_fields)| {
            PciVpdReadonly {
                change_level,
                manufacture_id,
                part_number,
                serial_number,
                vendor_fields,
            }
        },
    );
    let readwrite =
        (some(), indexed(), indexed()).prop_map(|(asset_tag, vendor_fields, system_fields)| {
            PciVpdReadwrite { asset_tag, vendor_fields, system_fields }
        });
    (some(), option::of(readonly), option::of(readwrite))
        .prop_map(|(name, readonly, readwrite)| PciVpd { name, readonly, readwrite })
}

fn mdev_type() -> impl Strategy<Value = MdevType> {
    (text(), option::of(text()), text(), any::<u64>()).prop_map(
        |(id, name, device_api, available_instances)| MdevType {
            id,
            name,
            device_api,
            available_instances,
        },
    )
}

fn value(kind: ValueKind) -> BoxedStrategy<Value> {
    let pair = || (text(), text());
    match kind {
        ValueKind::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        ValueKind::Number => any::<u64>().prop_map(Value::Number).boxed(),
        ValueKind::Text => text().prop_map(Value::Text).boxed(),
        ValueKind::Texts => vec(text(), 0..3).prop_map(Value::from).boxed(),
        ValueKind::Capability => select(Capability::ALL).prop_map(Value::Capability).boxed(),
        ValueKind::PciAddress => pci_address().prop_map(Value::PciAddress).boxed(),
        ValueKind::PciAddresses => vec(pci_address(), 0..3).prop_map(Value::PciAddresses).boxed(),
        ValueKind::PciExpress => express().prop_map(Value::from).boxed(),
        ValueKind::PciVpd => vpd().prop_map(Value::from).boxed(),
        ValueKind::MdevTypes => vec(mdev_type(), 0..3).prop_map(Value::MdevTypes).boxed(),
        ValueKind::Attributes => {
            let attribute = pair().prop_map(|(name, value)| MdevAttribute { name, value });
            vec(attribute, 0..3).prop_map(Value::Attributes).boxed()
        }
        ValueKind::CcwgroupMembers => {
            let member = pair().prop_map(|(reference, device)| CcwgroupMember {
                reference,
                device: DeviceName::new(&device),
            });
            vec(member, 0..3).prop_map(Value::CcwgroupMembers).boxed()
        }
        kind => panic!("no arbitrary values for a {kind}"),
    }
}

fn id() -> impl Strategy<Value = DeviceId> {
    let texts = ["computer", "/sys/devices/x", "mdev:u@p", "acme:a/b:c"];
    select(texts.to_vec()).prop_map(|text| text.parse().unwrap())
}

/// The fields of a device that is in a list: that it starts with its parent is a flag there.
pub(crate) fn fields() -> Vec<Field> {
    Field::ALL.iter().copied().filter(|&field| field != device::AUTOSTART.field()).collect()
}

fn extensions() -> impl Strategy<Value = Vec<(FieldName, Value)>> {
    let kinds = [ValueKind::Flag, ValueKind::Number, ValueKind::Text, ValueKind::Texts];
    let value = select(kinds.to_vec()).prop_flat_map(value);
    let name = (select(vec!["acme", "name", "pci"]), text());
    btree_map(name, value, 0..4).prop_map(|extensions| {
        let named = |((namespace, name), value): ((&str, String), _)| {
            (FieldName::extension(namespace, &name), value)
        };
        extensions.into_iter().map(named).collect()
    })
}

/// Any device, with about half of the fields.
pub(crate) fn device() -> impl Strategy<Value = Device> {
    let known: Vec<_> = fields()
        .into_iter()
        .map(|field| option::of(value(field.kind()).prop_map(move |value| (field.into(), value))))
        .collect();
    let names = (text(), option::of(text()));
    (names, id(), any::<[bool; 3]>(), known, extensions()).prop_map(
        |((name, parent), id, [active, persistent, autostart], known, extensions)| Device {
            name: DeviceName::new(&name),
            id,
            parent: parent.map(|parent| DeviceName::new(&parent)),
            active,
            persistent,
            autostart,
            fields: known.into_iter().flatten().chain(extensions).collect(),
        },
    )
}
