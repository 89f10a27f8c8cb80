//! What a document may consist of: the table.
//!
//! The facts are those of the schema `nodedev.rng` that libvirt 11.3 installs. It does not know every
//! document that libvirt itself prints, and takes some that no device has; a verdict here is the
//! schema's all the same, because clients ask for that one.

mod ap;
mod ccw;
mod mdev;
mod net;
mod pci;
mod scsi;
mod storage;
mod system;
mod usb;
mod vpd;

use super::shape::{
    Attribute, Content, Element, Mark, Of, attribute, capability, empty, holding, many, one,
    optional, text,
};
use super::value::{LOWER_HEX, NODE_PATH, Value, WWN};

/// The whole document.
pub(super) const DEVICE: Element = holding(
    "device",
    Content::Mixed(&[
        one(text("name", Value::Any)),
        optional(text("path", Value::Any)),
        many(text("devnode", Value::Any).with(&[attribute("type", Value::Word(&["dev", "link"]))])),
        Of::Any(PARENTS).times(0, 1),
        optional(holding("driver", Content::Ordered(&[one(text("name", Value::Any))]))),
        Of::Any(CAPABILITIES).times(0, usize::MAX),
    ]),
);

/// A parent is named, or chosen by world-wide names.
const PARENTS: &[Element] = &[
    empty("parent", &[attribute("wwpn", WWN), attribute("wwnn", WWN)]).marked(Mark::Has("wwnn")),
    empty("parent", &[attribute("fabric_wwn", WWN)]).marked(Mark::Has("fabric_wwn")),
    text("parent", Value::Any),
];

/// What a device can be.
const CAPABILITIES: &[Element] = &[
    system::SYSTEM,
    pci::PCI,
    usb::DEVICE,
    usb::INTERFACE,
    net::NET,
    scsi::HOST,
    scsi::TARGET,
    scsi::DEVICE,
    scsi::GENERIC,
    storage::STORAGE,
    DRM,
    mdev::MDEV,
    ccw::CCW,
    ccw::CSS,
    ccw::GROUP,
    VDPA,
    ap::CARD,
    ap::QUEUE,
    ap::MATRIX,
];

const DRM: Element = capability(
    &["drm"],
    Content::Ordered(&[one(text("type", Value::Word(&["primary", "control", "render"])))]),
);

const VDPA: Element = capability(&["vdpa"], Content::Ordered(&[one(text("chardev", NODE_PATH))]));

/// A name with the number that it stands for.
const NUMBERED: &[Attribute] = &[attribute("id", LOWER_HEX)];
