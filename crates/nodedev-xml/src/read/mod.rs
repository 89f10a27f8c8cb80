//! Reads documents as libvirt prints them.
//!
//! One file per capability, mirroring `write`. A reader takes each element that it knows from where
//! libvirt prints it, the first one if there are several, in any order, and passes over what it does
//! not know. What is not there leaves its field absent; what is there but makes no sense is an error.
//! What a document must say before something is made of it is no concern of this module.

mod ap;
mod bounds;
mod ccw;
mod ccwgroup;
mod channel;
mod css;
mod drm;
mod element;
mod identified;
mod mdev;
mod mdev_types;
mod net;
mod pci;
mod request;
mod scsi;
mod scsi_generic;
mod scsi_host;
mod scsi_target;
mod storage;
mod system;
mod usb;
mod usb_device;
mod vdpa;
mod vpd;

use nodedev_types::{Capability, DeviceName, Fields, fields};

use crate::{Document, Error, Form};
use element::Element;
pub use request::{
    ParentWwn, Request, RequestError, VportNames, Wanted, read_change, read_request,
};

/// Longest document that is read, in bytes: more than ten thousand lines of libvirt's form.
pub const MAX_LEN: usize = 1 << 20;

/// Reads a document.
///
/// A document in libvirt's own form is carried back whole: writing what was read gives the same
/// bytes. Elements that the model has no field for are passed over.
///
/// ```
/// let text = "<device><name>scsi_host0</name><capability type='scsi_host'><host>zero</host>\
///             </capability></device>";
/// let error = nodedev_xml::read(text).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "element `device/capability/host`: `zero` is not a decimal number in range",
/// );
/// ```
///
/// # Errors
///
/// [`Error`] when the text is longer than [`MAX_LEN`], is not well-formed, brings a document type
/// definition, has no name or more than one main capability, or when an element or attribute does
/// not hold what it has to.
pub fn read(xml: &str) -> Result<Document, Error> {
    within_root(xml, device)
}

/// Reads only what kind of device a document is about. Nothing else has to be in it.
///
/// ```
/// use nodedev_types::Capability;
///
/// let text = "<device><parent>computer</parent><capability type='mdev'/></device>";
/// assert_eq!(nodedev_xml::read_capability(text)?, Capability::Mdev);
/// # Ok::<(), nodedev_xml::Error>(())
/// ```
///
/// # Errors
///
/// [`Error`] when the text is longer than [`MAX_LEN`], is not well-formed, brings a document type
/// definition, or has not exactly one main capability.
pub fn read_capability(xml: &str) -> Result<Capability, Error> {
    within_root(xml, |root| {
        let (_, capability) = main_capability(root)?.ok_or_else(|| root.missing("capability"))?;
        Ok(capability)
    })
}

/// Hands the root to `read`, once the text is a document of a device and within every bound.
pub(crate) fn within_root<T>(
    xml: &str,
    read: impl FnOnce(Element<'_, '_>) -> Result<T, Error>,
) -> Result<T, Error> {
    if xml.len() > MAX_LEN {
        return Err(Error::TooLong { len: xml.len(), max: MAX_LEN });
    }
    bounds::check(xml)?;
    let tree = roxmltree::Document::parse(xml)?;
    let root = Element::new(tree.root_element());
    if root.tag() != "device" {
        return Err(Error::Root { found: root.shown_tag() });
    }
    read(root)
}

fn device(root: Element<'_, '_>) -> Result<Document, Error> {
    let mut fields = Fields::new();
    root.text_into(&mut fields, fields::device::PATH, "path");
    devnodes(root, &mut fields)?;
    if let Some(driver) = root.child("driver") {
        driver.text_into(&mut fields, fields::device::DRIVER, "name");
    }
    let form = capability(root, &mut fields)?;
    let parent = root.child_text("parent").filter(|name| !name.is_empty());
    Ok(Document {
        name: name(root)?,
        parent: parent.map(|name| DeviceName::new(&name)),
        form,
        fields,
    })
}

fn name(root: Element<'_, '_>) -> Result<DeviceName, Error> {
    match root.child_text("name") {
        Some(name) if !name.is_empty() => Ok(DeviceName::new(&name)),
        _ => Err(root.missing("name")),
    }
}

fn devnodes(root: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    let mut links = Vec::new();
    for node in root.children("devnode") {
        match node.required("type")? {
            "dev" if fields.get(fields::device::DEVNODE).is_some() => (),
            "dev" => fields.set(fields::device::DEVNODE, node.text()),
            "link" => links.push(node.text()),
            _ => return Err(node.invalid_attribute("type", "`dev` or `link`")),
        }
    }
    if !links.is_empty() {
        fields.set(fields::device::DEVLINKS, links);
    }
    Ok(())
}

/// The element of the main capability, if there is one.
fn only_capability<'a, 'i>(root: Element<'a, 'i>) -> Result<Option<Element<'a, 'i>>, Error> {
    match root.children("capability").count() {
        0 | 1 => Ok(root.child("capability")),
        count => Err(root.child("capability").unwrap_or(root).repeated(count)),
    }
}

/// The main capability and its element, if there is one.
fn main_capability<'a, 'i>(
    root: Element<'a, 'i>,
) -> Result<Option<(Element<'a, 'i>, Capability)>, Error> {
    let Some(element) = only_capability(root)? else {
        return Ok(None);
    };
    let capability = element
        .required("type")?
        .parse()
        .ok()
        .filter(|capability: &Capability| !capability.is_nested())
        .ok_or_else(|| element.invalid_attribute("type", "the main capability of any device"))?;
    Ok(Some((element, capability)))
}

/// Reads the main capability, if there is one, and tells the form of the document from it.
fn capability(root: Element<'_, '_>, fields: &mut Fields) -> Result<Form, Error> {
    let Some((element, capability)) = main_capability(root)? else {
        return Ok(Form::Live);
    };
    fields.set(fields::device::CAPABILITY, capability);

    let has_path = fields.get(fields::device::PATH).is_some();
    let form = match capability {
        Capability::Mdev if !has_path => Form::Inactive,
        _ => Form::Live,
    };
    content(element, capability, fields, form)?;
    Ok(form)
}

/// What is inside the main capability.
fn content(
    element: Element<'_, '_>,
    capability: Capability,
    fields: &mut Fields,
    form: Form,
) -> Result<(), Error> {
    match capability {
        Capability::System => system::read(element, fields),
        Capability::Pci => pci::read(element, fields)?,
        Capability::UsbDevice => usb_device::read(element, fields)?,
        Capability::Usb => usb::read(element, fields)?,
        Capability::Net => net::read(element, fields)?,
        Capability::ScsiHost => scsi_host::read(element, fields)?,
        Capability::ScsiTarget => scsi_target::read(element, fields),
        Capability::Scsi => scsi::read(element, fields)?,
        Capability::Storage => storage::read(element, fields)?,
        Capability::ScsiGeneric => scsi_generic::read(element, fields),
        Capability::Drm => drm::read(element, fields),
        // The block is nested here as in any other parent, so the capability appears twice.
        Capability::MdevTypes => mdev_types::read(element, fields)?,
        Capability::Mdev => mdev::read(element, fields, form)?,
        Capability::Ccw => ccw::read(element, fields)?,
        Capability::Css => css::read(element, fields)?,
        Capability::Ccwgroup => ccwgroup::read(element, fields)?,
        Capability::Vdpa => vdpa::read(element, fields),
        Capability::ApCard => ap::card(element, fields)?,
        Capability::ApQueue => ap::queue(element, fields)?,
        Capability::ApMatrix => ap::matrix(element, fields)?,
        // Nested ones are no device's main capability.
        _ => (),
    }
    Ok(())
}
