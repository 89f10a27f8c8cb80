//! How a device looks: the words of its box and its family, which has a colour.

use nodedev_types::fields::{device, mdev, net, pci};
use nodedev_types::{Capability, Device, MdevType};

use super::tree::Node;
use crate::output::printable;

/// Longer names are cut: the pointer tells all of it.
const WIDEST: usize = 60;

/// The families, in the order of the colours.
pub(super) const FAMILIES: &[&str] =
    &["host", "bus", "usb", "net", "storage", "scsi", "graphics", "mdev", "s390", "other"];

pub(super) fn node(device: &Device) -> Node {
    let capability = device.capability();
    let kind = capability.map_or_else(|| "device".to_owned(), |c| c.to_string());
    let driver = device.fields.get(device::DRIVER);
    // The host is persistent too, which tells nothing.
    let is_defined = device.persistent && capability == Some(Capability::Mdev);
    let state = match (is_defined, device.active) {
        (true, true) => Some("defined, running"),
        (true, false) => Some("defined"),
        (false, true) => None,
        (false, false) => Some("not there"),
    };
    let about = [Some(kind.as_str()), driver, state].into_iter().flatten();
    Node {
        name: cut(device.name.as_str()),
        about: cut(&about.collect::<Vec<_>>().join(" · ")),
        tip: tip(device),
        family: capability.map_or("other", family),
        dashed: is_defined,
        faint: !device.active,
        chosen: false,
    }
}

pub(super) fn mdev_type(mdev_type: &MdevType) -> Node {
    let MdevType { id, name, device_api, available_instances } = mdev_type;
    Node {
        name: cut(id),
        about: format!("mdev type · {available_instances} available"),
        tip: [name.clone(), Some(device_api.clone())].into_iter().flatten().map(line).collect(),
        family: "mdev",
        ..Node::default()
    }
}

pub(super) fn iommu_group(number: u64, members: usize) -> Node {
    let about = match members {
        1 => "1 device".to_owned(),
        _ => format!("{members} devices, passed through together"),
    };
    Node { name: format!("IOMMU group {number}"), about, family: "bus", ..Node::default() }
}

/// Something that is named and not in the list.
pub(super) fn missing(name: &str) -> Node {
    Node {
        name: cut(name),
        about: "not in the list".to_owned(),
        family: "other",
        faint: true,
        ..Node::default()
    }
}

fn tip(device: &Device) -> Vec<String> {
    let fields = &device.fields;
    let capabilities: Vec<_> = device.capabilities().iter().map(ToString::to_string).collect();
    let product = match (fields.get(pci::VENDOR_NAME), fields.get(pci::PRODUCT_NAME)) {
        (Some(vendor), Some(product)) => Some(format!("{vendor}: {product}")),
        (vendor, product) => vendor.or(product).map(str::to_owned),
    };
    let interface = fields.get(net::ADDRESS).map(|address| format!("address {address}"));
    let running = fields.get(mdev::TYPE).map(|id| format!("type {id}"));
    let defined = fields.get(mdev::DEFINED_TYPE).map(|id| format!("defined type {id}"));
    let group = fields.get(pci::IOMMU_GROUP).or_else(|| fields.get(mdev::IOMMU_GROUP));
    let lines = [
        Some(device.name.to_string()),
        Some(capabilities.join(", ")).filter(|text| !text.is_empty()),
        fields.get(device::DRIVER).map(|driver| format!("driver {driver}")),
        product,
        interface,
        running,
        defined,
        group.map(|number| format!("IOMMU group {number}")),
        device.autostart.then(|| "starts with its parent".to_owned()),
        fields.get(device::DEVNODE).map(str::to_owned),
        fields.get(device::PATH).map(str::to_owned),
    ];
    lines.into_iter().flatten().map(line).collect()
}

fn line(text: String) -> String {
    printable(&text)
}

fn cut(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

const fn family(capability: Capability) -> &'static str {
    use Capability as C;
    match capability {
        C::System => "host",
        C::Pci => "bus",
        C::UsbDevice | C::Usb => "usb",
        C::Net | C::Vdpa => "net",
        C::Storage => "storage",
        C::ScsiHost | C::ScsiTarget | C::Scsi | C::ScsiGeneric => "scsi",
        C::Drm => "graphics",
        C::Mdev | C::MdevTypes => "mdev",
        C::Ccw | C::Css | C::Ccwgroup | C::ApCard | C::ApQueue | C::ApMatrix => "s390",
        _ => "other",
    }
}
