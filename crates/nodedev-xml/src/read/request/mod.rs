//! Documents by which a client asks for a device: what is accepted, defaulted and refused.
//!
//! Laxer than the reader of libvirt's own form: of several elements of one name the first counts, an
//! empty one is the same as none, and whatever is not needed is passed over. Whether the parent
//! exists, or the device, is no concern of this module. One file per kind of device that can be made;
//! a document of any other kind is refused for that, whatever else is wrong with it.

mod error;
mod mdev;
mod parent;
mod scsi_host;

use nodedev_types::{Capability, MdevAttribute};

use super::element::Element;
use super::{only_capability, within_root};
pub use error::RequestError;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Name of the device. Nothing is made of it: libvirt derives names.
    pub name: Option<String>,
    /// Name of the parent.
    pub parent: Option<String>,
    /// World-wide names by which the parent is chosen instead of by its name.
    pub parent_wwn: Option<ParentWwn>,
    /// What it shall be.
    pub wanted: Wanted,
}

/// World-wide names that choose a Fibre Channel host as parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentWwn {
    /// Of the host itself.
    Host {
        /// Node name.
        wwnn: String,
        /// Port name.
        wwpn: String,
    },
    /// Of the fabric that the host is connected to.
    Fabric(String),
}

/// The device that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// A mediated device.
    Mdev {
        /// In lower case with hyphens; without one, mdevctl chooses.
        uuid: Option<String>,
        /// One of the parent's types.
        mdev_type: String,
        /// In their order. An `attr` that lacks its name or its value, or has an empty one, is passed
        /// over, as libvirt does.
        attributes: Vec<MdevAttribute>,
    },
    /// A SCSI host, with these names where it is to be a virtual port.
    ScsiHost(Option<VportNames>),
    /// A device that nobody can make.
    Other(Capability),
}

/// The names of a virtual port, as far as they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VportNames {
    /// Node name.
    pub wwnn: Option<String>,
    /// Port name.
    pub wwpn: Option<String>,
}

/// Reads what a client asks for.
///
/// ```
/// use nodedev_xml::Wanted;
///
/// let request = nodedev_xml::read_request(
///     "<device><parent>mtty_mtty</parent><capability type='mdev'><type id='mtty-1'/>\
///      <uuid>AAAAAAAA0000400080000000 0000000F</uuid></capability></device>",
/// )?;
/// assert_eq!(request.parent.as_deref(), Some("mtty_mtty"));
/// let Wanted::Mdev { uuid, .. } = request.wanted else { panic!() };
/// assert_eq!(uuid.as_deref(), Some("aaaaaaaa-0000-4000-8000-00000000000f"));
/// # Ok::<(), nodedev_xml::RequestError>(())
/// ```
///
/// # Errors
///
/// [`RequestError`], the first that libvirt would find.
pub fn read_request(xml: &str) -> Result<Request, RequestError> {
    within_root(xml, |root| Ok(request(root)))?
}

/// Reads what a client asks to be changed. Such a document names a device, though nothing comes of it.
///
/// # Errors
///
/// As [`read_request`], and [`RequestError::NoName`].
pub fn read_change(xml: &str) -> Result<Request, RequestError> {
    within_root(xml, |root| match text(root, "name") {
        Some(_) => Ok(request(root)),
        None => Ok(Err(RequestError::NoName)),
    })?
}

fn request(root: Element<'_, '_>) -> Result<Request, RequestError> {
    for node in root.children("devnode") {
        if !matches!(node.required("type")?, "dev" | "link") {
            return Err(node.invalid_attribute("type", "`dev` or `link`").into());
        }
    }
    let parent_wwn = parent::names(root)?;
    let element = only_capability(root)?.ok_or(RequestError::NoCapability)?;
    let wanted = match element.required("type")?.parse() {
        Ok(Capability::Mdev) => mdev::wanted(element)?,
        Ok(Capability::ScsiHost) => scsi_host::wanted(element)?,
        Ok(capability @ (Capability::ScsiGeneric | Capability::Vdpa | Capability::MdevTypes)) => {
            return Err(RequestError::NotForRequests(capability));
        }
        Ok(capability) if capability.is_nested() => {
            return Err(RequestError::NotForRequests(capability));
        }
        Ok(other) => Wanted::Other(other),
        Err(_) => return Err(unknown(element)),
    };
    Ok(Request { name: text(root, "name"), parent: text(root, "parent"), parent_wwn, wanted })
}

fn unknown(element: Element<'_, '_>) -> RequestError {
    element.invalid_attribute("type", "the main capability of any device").into()
}

/// Text of the first element of that name, with that of all elements in it; an empty one is none.
fn text(element: Element<'_, '_>, tag: &str) -> Option<String> {
    element.child(tag).map(Element::all_text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn wanted(inside: &str) -> Result<Wanted, String> {
        let xml = format!("<device>{inside}</device>");
        read_request(&xml).map(|request| request.wanted).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_needed_is_passed_over_and_the_first_of_a_name_counts() {
        let request = read_request(
            "<device><nosuch/><parent>a</parent><parent>b</parent><name/><capability type='mdev'>\
             <x/><attr name='n'/><attr name='a' value='1'/><attr name='c' value=''/><attr value='v'/><attr name='b' value='2'/>\
             <type id='t'/><type id='u'/><iommuGroup number='7'/></capability></device>",
        )
        .unwrap();
        assert_eq!((request.parent.as_deref(), request.name), (Some("a"), None));
        let attribute = |name: &str, value: &str| MdevAttribute {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let expected = Wanted::Mdev {
            uuid: None,
            mdev_type: "t".to_owned(),
            attributes: vec![attribute("a", "1"), attribute("b", "2")],
        };
        assert_eq!(request.wanted, expected);
    }

    #[test]
    fn what_is_missing_or_odd_is_named() {
        for (found, expected) in [
            (wanted(""), "no device capabilities for 'new device'"),
            (
                wanted("<capability type='vdpa'/>"),
                "unknown capability type 'vdpa' for 'new device'",
            ),
            (wanted("<capability type='vpd'/>"), "unknown capability type 'vpd' for 'new device'"),
            (
                wanted("<capability type='vport_ops'/>"),
                "attribute `type` of element `device/capability`: `vport_ops` is not the main \
                 capability of any device",
            ),
            (
                wanted("<devnode type='x'/><capability type='net'/>"),
                "attribute `type` of element `device/devnode`: `x` is not `dev` or `link`",
            ),
        ] {
            assert_eq!(found, Err(expected.to_owned()));
        }
        assert_eq!(wanted("<capability type='net'/>"), Ok(Wanted::Other(Capability::Net)));
    }

    #[test]
    fn several_capabilities_in_one_document_are_a_clear_error() {
        for (first, second) in [("mdev", "mdev"), ("scsi", "mdev"), ("mdev", "scsi_host")] {
            let both = format!(
                "<capability type='{first}'><type id='t'/></capability>\
                 <capability type='{second}'><type id='t'/></capability>"
            );
            let expected = "element `device/capability` appears 2 times, expected once";
            assert_eq!(wanted(&both), Err(expected.to_owned()), "{first}, {second}");
        }
    }

    #[test]
    fn a_change_names_a_device() {
        let document = |name: &str| {
            format!("<device>{name}<capability type='mdev'><type id='t'/></capability></device>")
        };
        assert_eq!(read_change(&document("<name>x</name>")).unwrap().name.as_deref(), Some("x"));
        for name in ["", "<name/>", "<name/><name>x</name>"] {
            let refused = read_change(&document(name));
            assert!(matches!(refused, Err(RequestError::NoName)), "{refused:?}");
        }
    }

    #[test]
    fn what_is_in_a_namespace_is_something_else() {
        let request = read_request(
            "<device xmlns:n='urn:x'><n:parent>a</n:parent><parent>b<i>c</i></parent>\
             <capability type='mdev'><n:type id='u'/><type id='t'/></capability></device>",
        );
        let request = request.unwrap();
        assert_eq!(request.parent.as_deref(), Some("bc"), "text is that of all elements inside");
        assert!(matches!(request.wanted, Wanted::Mdev { mdev_type, .. } if mdev_type == "t"));
        let within = read_request("<device xmlns='urn:x'><capability type='mdev'/></device>");
        assert!(matches!(within, Err(RequestError::NoCapability)), "{within:?}");
    }
}
