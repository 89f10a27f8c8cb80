//! Arbitrary devices of every kind: written, read and written again.

use nodedev_types::fields::{ccwgroup, device, mdev, pci, storage, system};
use nodedev_types::{
    Capability, CcwgroupMember, Device, DeviceId, DeviceName, Field, Fields, Key, MdevAttribute,
    MdevType, PciAddress, PciExpress, PciLink, PciLinkSpeed, PciVpd, PciVpdField, PciVpdReadonly,
    PciVpdReadwrite, Value, ValueKind,
};
use nodedev_xml::{Form, read, write};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::device::of_document;

/// Fields of a device that no document shows.
const NOT_SHOWN: &[Field] =
    &[device::SUBSYSTEM.field(), device::ADDRESS.field(), device::AUTOSTART.field()];

/// Capabilities that types of mediated devices are shown in.
const MDEV_PARENTS: &[Capability] =
    &[Capability::MdevTypes, Capability::Pci, Capability::Css, Capability::ApMatrix];

/// Characters that are there to be escaped, or that a careless reader or writer loses.
const AWKWARD: &[char] =
    &['<', '>', '&', '\'', '"', ' ', ']', '-', '/', ';', '\u{7f}', '\u{85}', 'é', '😀'];

/// Control characters that the writer drops, one at each end of the ranges.
const DROPPED: &[char] = &['\0', '\u{1}', '\u{8}', '\u{b}', '\u{c}', '\u{e}', '\u{19}'];

/// Which characters a text is made of.
#[derive(Debug, Clone, Copy)]
enum Alphabet {
    /// What an XML document can carry in text and attributes alike.
    Clean,
    /// With control characters that cannot be carried.
    WithDropped,
}

fn character(alphabet: Alphabet) -> BoxedStrategy<char> {
    let clean = prop_oneof![
        proptest::char::range('a', 'z'),
        select(AWKWARD),
        any::<char>().prop_filter("no XML character", |c| {
            !matches!(c, '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
        }),
    ];
    match alphabet {
        Alphabet::Clean => clean.boxed(),
        Alphabet::WithDropped => prop_oneof![3 => clean, 1 => select(DROPPED)].boxed(),
    }
}

fn text(alphabet: Alphabet) -> BoxedStrategy<String> {
    vec(character(alphabet), 0..12).prop_map(String::from_iter).boxed()
}

fn mdev_type(alphabet: Alphabet) -> impl Strategy<Value = MdevType> {
    let texts = (text(alphabet), option::of(text(alphabet)), text(alphabet));
    (texts, any::<u64>()).prop_map(|((id, name, device_api), available_instances)| MdevType {
        id,
        name,
        device_api,
        available_instances,
    })
}

fn attribute(alphabet: Alphabet) -> impl Strategy<Value = MdevAttribute> {
    (text(alphabet), text(alphabet)).prop_map(|(name, value)| MdevAttribute { name, value })
}

fn member(alphabet: Alphabet) -> impl Strategy<Value = CcwgroupMember> {
    (text(alphabet), text(alphabet)).prop_map(|(reference, device)| CcwgroupMember {
        reference,
        device: DeviceName::new(&device),
    })
}

fn pci_address() -> impl Strategy<Value = PciAddress> {
    any::<(u32, u8, u8, u8)>().prop_map(|(domain, bus, slot, function)| PciAddress {
        domain,
        bus,
        slot,
        function,
    })
}

fn link() -> impl Strategy<Value = PciLink> {
    let speed = any::<u32>().prop_map(PciLinkSpeed::from_tenths);
    (option::of(any::<u64>()), option::of(speed), any::<u64>())
        .prop_map(|(port, speed, width)| PciLink { port, speed, width })
}

fn express() -> impl Strategy<Value = PciExpress> {
    (option::of(link()), option::of(link())).prop_map(|(cap, sta)| PciExpress { cap, sta })
}

fn vpd(alphabet: Alphabet) -> impl Strategy<Value = PciVpd> {
    (option::of(text(alphabet)), option::of(readonly(alphabet)), option::of(readwrite(alphabet)))
        .prop_map(|(name, readonly, readwrite)| PciVpd { name, readonly, readwrite })
}

fn readonly(alphabet: Alphabet) -> impl Strategy<Value = PciVpdReadonly> {
    let text = move || option::of(text(alphabet));
    let fields = vec(indexed(), 0..3);
    (text(), text(), text(), text(), fields).prop_map(
        |(change_level, manufacture_id, part_number, serial_number, vendor_fields)| {
            PciVpdReadonly {
                change_level,
                manufacture_id,
                part_number,
                serial_number,
                vendor_fields,
            }
        },
    )
}

fn readwrite(alphabet: Alphabet) -> impl Strategy<Value = PciVpdReadwrite> {
    let fields = move || vec(indexed(), 0..3);
    (option::of(text(alphabet)), fields(), fields()).prop_map(
        |(asset_tag, vendor_fields, system_fields)| PciVpdReadwrite {
            asset_tag,
            vendor_fields,
            system_fields,
        },
    )
}

/// An empty one is printed otherwise than one that is not, so nothing of it may be dropped.
fn indexed() -> impl Strategy<Value = PciVpdField> {
    let index = prop_oneof![proptest::char::range('0', '9'), proptest::char::range('A', 'Z')];
    (index, text(Alphabet::Clean)).prop_map(|(index, value)| PciVpdField { index, value })
}

fn value(field: Field, alphabet: Alphabet) -> BoxedStrategy<Value> {
    if field.as_str() == "net.subtype" {
        return select(vec!["80203", "80211"]).prop_map(Value::from).boxed();
    }
    if field == pci::HEADER.field() {
        return select(vec!["pci-bridge", "cardbus-bridge"]).prop_map(Value::from).boxed();
    }
    if field.as_str() == "ccwgroup.type" {
        let kinds = vec!["qeth_generic", "qeth_layer2", "qeth_layer3"];
        return select(kinds).prop_map(Value::from).boxed();
    }
    match field.kind() {
        ValueKind::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        ValueKind::Number => prop_oneof![Just(0), any::<u64>()].prop_map(Value::Number).boxed(),
        ValueKind::Text => text(alphabet).prop_map(Value::Text).boxed(),
        ValueKind::Texts => vec(text(alphabet), 0..3).prop_map(Value::from).boxed(),
        ValueKind::PciAddress => pci_address().prop_map(Value::PciAddress).boxed(),
        ValueKind::PciAddresses => vec(pci_address(), 0..3).prop_map(Value::PciAddresses).boxed(),
        ValueKind::PciExpress => express().prop_map(Value::from).boxed(),
        ValueKind::PciVpd => vpd(alphabet).prop_map(Value::from).boxed(),
        ValueKind::MdevTypes => vec(mdev_type(alphabet), 0..3).prop_map(Value::MdevTypes).boxed(),
        ValueKind::Attributes => vec(attribute(alphabet), 0..3).prop_map(Value::Attributes).boxed(),
        ValueKind::CcwgroupMembers => {
            vec(member(alphabet), 0..3).prop_map(Value::CcwgroupMembers).boxed()
        }
        kind => panic!("no arbitrary values for {field}, a {kind}"),
    }
}

/// Whether a document of that capability shows the field.
fn is_shown(field: Field, capability: Capability) -> bool {
    let (group, in_group) = match field.as_str().split_once('.') {
        Some((group, _)) => (group, true),
        None => (field.as_str(), false),
    };
    if group == "mdev_types" {
        return MDEV_PARENTS.contains(&capability);
    }
    if in_group {
        return group == capability.as_str();
    }
    !NOT_SHOWN.contains(&field) && field != device::CAPABILITY.field()
}

/// Any of the fields that a document of that capability shows.
fn shown_fields(capability: Capability, alphabet: Alphabet) -> BoxedStrategy<Fields> {
    let values: Vec<_> = Field::ALL
        .iter()
        .filter(|field| is_shown(**field, capability))
        .map(|&field| option::of((Just(field), value(field, alphabet))))
        .collect();
    values
        .prop_map(move |values| {
            let values = values.into_iter().flatten();
            let mut fields: Fields = values.map(|(field, value)| (field.into(), value)).collect();
            fields.set(device::CAPABILITY, capability);
            fields
        })
        .boxed()
}

fn capability() -> impl Strategy<Value = Capability> {
    let main: Vec<_> = Capability::ALL.iter().copied().filter(|c| !c.is_nested()).collect();
    select(main)
}

fn name(alphabet: Alphabet) -> impl Strategy<Value = DeviceName> {
    text(alphabet).prop_map(|text| DeviceName::new(&format!("n{text}")))
}

fn arbitrary_device(alphabet: Alphabet) -> impl Strategy<Value = Device> {
    let fields = capability().prop_flat_map(move |c| shown_fields(c, alphabet));
    let names = (name(alphabet), option::of(name(alphabet)));
    (names, fields, any::<bool>()).prop_map(|((name, parent), mut fields, active)| {
        let is_mdev = fields.get(device::CAPABILITY) == Some(Capability::Mdev);
        if active && is_mdev {
            // What runs has a path: it is by this that a document of what is only defined differs.
            fields.set(device::PATH, "/sys/devices/x");
        }
        Device {
            name,
            id: DeviceId::Computer,
            parent,
            active: active || !is_mdev,
            persistent: !active,
            autostart: false,
            fields,
        }
    })
}

/// The fields as a document can tell them: with what is always printed, without what is not.
fn as_shown(fields: &Fields, form: Form) -> Fields {
    let mut shown: Fields = fields
        .iter()
        .filter(|(_, value)| !is_empty_list(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for group in ["pci", "usb_device"] {
        for part in ["product", "vendor"] {
            name_needs_id(&mut shown, &format!("{group}.{part}"));
        }
    }
    match fields.get(device::CAPABILITY) {
        Some(Capability::System) => or_else(&mut shown, system::HARDWARE_UUID, || {
            "00000000-0000-0000-0000-000000000000".to_owned()
        }),
        Some(Capability::Pci) => pci_as_shown(&mut shown),
        Some(Capability::Storage) => storage_as_shown(&mut shown),
        Some(Capability::Ccwgroup) if fields.get(ccwgroup::TYPE).is_none() => {
            without(&mut shown, ccwgroup::CARD_TYPE);
            without(&mut shown, ccwgroup::CHPID);
        }
        Some(Capability::Mdev) => mdev_as_shown(&mut shown, form),
        _ => (),
    }
    shown
}

fn is_empty_list(value: &Value) -> bool {
    match value {
        Value::Texts(list) => list.is_empty(),
        Value::PciAddresses(list) => list.is_empty(),
        Value::MdevTypes(list) => list.is_empty(),
        Value::Attributes(list) => list.is_empty(),
        Value::CcwgroupMembers(list) => list.is_empty(),
        _ => false,
    }
}

fn name_needs_id(fields: &mut Fields, prefix: &str) {
    let field = |part| format!("{prefix}.{part}").parse::<Field>().expect("a field of the table");
    if fields.value(&field("id").into()).is_none() {
        fields.remove(&field("name").into());
    }
}

fn pci_as_shown(fields: &mut Fields) {
    if fields.get(pci::VIRT_FUNCTIONS_MAX_COUNT) == Some(0) {
        without(fields, pci::VIRT_FUNCTIONS_MAX_COUNT);
    }
    let group = (fields.get(pci::IOMMU_GROUP), fields.get(pci::IOMMU_GROUP_ADDRESSES));
    if !matches!(group, (Some(_), Some(_))) {
        without(fields, pci::IOMMU_GROUP);
        without(fields, pci::IOMMU_GROUP_ADDRESSES);
    }
}

fn storage_as_shown(fields: &mut Fields) {
    let blocks = [storage::LOGICAL_BLOCK_SIZE, storage::NUM_BLOCKS];
    let has_blocks = blocks.iter().any(|key| fields.get(*key).is_some_and(|n| n != 0));
    for key in blocks {
        if has_blocks {
            or_else(fields, key, || 0);
        } else {
            without(fields, key);
        }
    }
    if fields.get(storage::REMOVABLE) == Some(true) {
        or_else(fields, storage::MEDIA_AVAILABLE, || false);
        or_else(fields, storage::MEDIA_SIZE, || 0);
        without(fields, storage::SIZE);
    } else {
        or_else(fields, storage::SIZE, || 0);
        without(fields, storage::REMOVABLE);
        without(fields, storage::MEDIA_AVAILABLE);
        without(fields, storage::MEDIA_SIZE);
        without(fields, storage::MEDIA_LABEL);
    }
}

fn mdev_as_shown(fields: &mut Fields, form: Form) {
    or_else(fields, mdev::IOMMU_GROUP, || 0);
    if form == Form::Live {
        without(fields, mdev::DEFINED_TYPE);
        without(fields, mdev::DEFINED_ATTRIBUTES);
        return;
    }
    without(fields, mdev::TYPE);
    without(fields, mdev::ATTRIBUTES);
    without(fields, device::PATH);
    without(fields, device::DEVNODE);
    without(fields, device::DEVLINKS);
    without(fields, device::DRIVER);
}

fn without<T>(fields: &mut Fields, key: Key<T>) {
    fields.remove(&key.field().into());
}

fn or_else<T: Into<Value>>(fields: &mut Fields, key: Key<T>, value: impl FnOnce() -> T) {
    let name = key.field().into();
    if fields.value(&name).is_none() {
        fields.insert(name, value().into());
    }
}

/// The only form of the device that its document can be read back from.
const fn form_of(device: &Device) -> Form {
    if device.active { Form::Live } else { Form::Inactive }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_written_is_read(device in arbitrary_device(Alphabet::Clean)) {
        let form = form_of(&device);
        let xml = write(&device, form);
        let document = read(&xml).map_err(|error| TestCaseError::fail(format!("{error}\n{xml}")))?;
        prop_assert_eq!(&document.name, &device.name);
        prop_assert_eq!(&document.parent, &device.parent);
        prop_assert_eq!(document.form, form);
        prop_assert_eq!(&document.fields, &as_shown(&device.fields, form));
        prop_assert_eq!(write(&of_document(document), form), xml);
    }

    #[test]
    fn dropped_characters_are_gone_for_good(device in arbitrary_device(Alphabet::WithDropped)) {
        let form = form_of(&device);
        let xml = write(&device, form);
        prop_assert!(!xml.contains(DROPPED), "{}", xml);
        let document = read(&xml).map_err(|error| TestCaseError::fail(format!("{error}\n{xml}")))?;
        prop_assert_eq!(write(&of_document(document), form), xml);
    }

    #[test]
    fn any_text_is_read_or_refused(text in vec(select(vec![
        "<device>", "</device>", "<name>n</name>", "<capability type='pci'>", "</capability>",
        "<capability type='mdev_types'>", "<product id='0x1'/>", "<numa node='", "'/>", "<", ">",
        "<!DOCTYPE d>", "&amp;", "&", "\0", "é", "<bus>1</bus>", "<![CDATA[", "]]>", "<!--", "-->",
    ]), 0..16).prop_map(|parts| parts.concat())) {
        if let Ok(document) = read(&text) {
            let form = document.form;
            let xml = write(&of_document(document.clone()), form);
            let again = read(&xml).map_err(|error| TestCaseError::fail(format!("{error}\n{xml}")))?;
            prop_assert_eq!(again.name, document.name);
        }
    }
}
