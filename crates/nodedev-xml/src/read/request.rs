//! Documents by which a client asks for a device: what is accepted, defaulted and refused.
//!
//! Laxer than the reader of libvirt's own form: of several elements of one name the first counts, an
//! empty one is the same as none, and whatever is not needed is passed over. Whether the parent
//! exists, or the device, is no concern of this module.

use nodedev_types::{Capability, MdevAttribute};

use super::element::Element;
use super::{main_capability, within_root};
use crate::Error;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Name of the device. Only an update has to have one.
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
        /// In their order. An `attr` that lacks its name or its value is passed over, as libvirt does.
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

/// Why a document asks for nothing that could be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The text itself is at fault, or not about one device.
    #[error(transparent)]
    Document(#[from] Error),
    /// There is no capability.
    #[error("no device capabilities for 'new device'")]
    NoCapability,
    /// Devices of that kind are never asked for.
    #[error("unknown capability type '{0}' for 'new device'")]
    NotForRequests(Capability),
    /// One of two world-wide names is missing.
    #[error("missing '{missing}' of the parent, beside '{given}'")]
    HalfOfParentWwn {
        /// The attribute that is there.
        given: &'static str,
        /// The attribute that is not.
        missing: &'static str,
    },
    /// A mediated device without a type.
    #[error("missing type id attribute for 'new device'")]
    NoType,
    /// Not 32 hexadecimal digits.
    #[error("Invalid uuid '{0}' for new mdev device")]
    InvalidUuid(String),
    /// The number of the IOMMU group is none.
    #[error("invalid iommu group number '{0}' for 'new device'")]
    InvalidGroup(String),
    /// A capability in a SCSI host that has no business there.
    #[error("unknown SCSI host capability type '{0}' for 'new device'")]
    UnknownNested(String),
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

fn request(root: Element<'_, '_>) -> Result<Request, RequestError> {
    for node in root.children("devnode") {
        if !matches!(node.required("type")?, "dev" | "link") {
            return Err(node.invalid_attribute("type", "`dev` or `link`").into());
        }
    }
    let parent_wwn = parent_wwn(root)?;
    let (element, capability) = main_capability(root)?.ok_or(RequestError::NoCapability)?;
    let wanted = match capability {
        Capability::Mdev => mdev(element)?,
        Capability::ScsiHost => Wanted::ScsiHost(vport(element)?),
        Capability::ScsiGeneric | Capability::Vdpa | Capability::MdevTypes => {
            return Err(RequestError::NotForRequests(capability));
        }
        other => Wanted::Other(other),
    };
    Ok(Request { name: text(root, "name"), parent: text(root, "parent"), parent_wwn, wanted })
}

fn parent_wwn(root: Element<'_, '_>) -> Result<Option<ParentWwn>, RequestError> {
    let Some(parent) = root.child("parent") else {
        return Ok(None);
    };
    let name = |attribute| parent.attribute(attribute).filter(|name| !name.is_empty());
    let half = |given, missing| Err(RequestError::HalfOfParentWwn { given, missing });
    match (name("wwnn"), name("wwpn")) {
        (Some(wwnn), Some(wwpn)) => {
            Ok(Some(ParentWwn::Host { wwnn: wwnn.to_owned(), wwpn: wwpn.to_owned() }))
        }
        (Some(_), None) => half("wwnn", "wwpn"),
        (None, Some(_)) => half("wwpn", "wwnn"),
        (None, None) => Ok(name("fabric_wwn").map(|name| ParentWwn::Fabric(name.to_owned()))),
    }
}

fn mdev(element: Element<'_, '_>) -> Result<Wanted, RequestError> {
    let mdev_type = element.child("type").and_then(|child| child.attribute("id"));
    let mdev_type = mdev_type.filter(|id| !id.is_empty()).ok_or(RequestError::NoType)?;
    let uuid = text(element, "uuid").map(|text| uuid(&text)).transpose()?;
    let group = element.child("iommuGroup").and_then(|child| child.attribute("number"));
    if let Some(number) = group.filter(|number| !number.is_empty())
        && number.parse::<u32>().is_err()
    {
        return Err(RequestError::InvalidGroup(number.to_owned()));
    }
    let attribute = |attr: Element<'_, '_>| {
        let (name, value) = (attr.attribute("name")?, attr.attribute("value")?);
        Some(MdevAttribute { name: name.to_owned(), value: value.to_owned() })
    };
    let attributes = element.children("attr").filter_map(attribute).collect();
    Ok(Wanted::Mdev { uuid, mdev_type: mdev_type.to_owned(), attributes })
}

fn vport(element: Element<'_, '_>) -> Result<Option<VportNames>, RequestError> {
    let mut names = None;
    for nested in element.children("capability") {
        match nested.required("type")? {
            "fc_host" => {
                let (wwnn, wwpn) = (text(nested, "wwnn"), text(nested, "wwpn"));
                names = Some(VportNames { wwnn, wwpn });
            }
            "vport_ops" => {}
            other => return Err(RequestError::UnknownNested(other.to_owned())),
        }
    }
    Ok(names)
}

fn text(element: Element<'_, '_>, tag: &str) -> Option<String> {
    element.child_text(tag).filter(|text| !text.is_empty())
}

/// 32 hexadecimal digits; hyphens and blanks may stand between two pairs, white space around.
fn uuid(text: &str) -> Result<String, RequestError> {
    let invalid = || RequestError::InvalidUuid(text.to_owned());
    let mut rest = text.trim().as_bytes();
    let mut uuid = String::with_capacity(36);
    for pair in 0..16 {
        if pair > 0 {
            while let [b'-' | b' ', behind @ ..] = rest {
                rest = behind;
            }
        }
        let [high, low, behind @ ..] = rest else { return Err(invalid()) };
        if !(high.is_ascii_hexdigit() && low.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        if matches!(pair, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        uuid.extend([high, low].map(|digit| char::from(digit.to_ascii_lowercase())));
        rest = behind;
    }
    if rest.is_empty() { Ok(uuid) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(inside: &str) -> Result<Wanted, String> {
        let xml = format!("<device>{inside}</device>");
        read_request(&xml).map(|request| request.wanted).map_err(|error| error.to_string())
    }

    fn mdev(inside: &str) -> Result<Wanted, String> {
        wanted(&format!("<capability type='mdev'>{inside}</capability>"))
    }

    const TYPE: &str = "<type id='t'/>";

    fn uuid_of(text: &str) -> Result<Option<String>, String> {
        match mdev(&format!("{TYPE}<uuid>{text}</uuid>"))? {
            Wanted::Mdev { uuid, .. } => Ok(uuid),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_uuid_may_be_written_in_many_ways() {
        let plain = "11111111-2222-4333-8444-5555555555ff";
        for text in [
            plain,
            "111111112222433384445555555555FF",
            " 11111111-2222-4333-8444-5555555555ff\n",
            "11-11 11--1122224333 8444-5555555555FF",
        ] {
            assert_eq!(uuid_of(text), Ok(Some(plain.to_owned())), "{text}");
        }
        assert_eq!(uuid_of(""), Ok(None));
        for text in ["zz", "1", "1-1111111222243338444555555555555", &format!("{plain}0"), " "] {
            let expected = format!("Invalid uuid '{text}' for new mdev device");
            assert_eq!(uuid_of(text), Err(expected));
        }
    }

    #[test]
    fn what_is_not_needed_is_passed_over_and_the_first_of_a_name_counts() {
        let request = read_request(
            "<device><nosuch/><parent>a</parent><parent>b</parent><name/><capability type='mdev'>\
             <x/><attr name='n'/><attr name='a' value=''/><attr value='v'/><attr name='b' value='2'/>\
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
            attributes: vec![attribute("a", ""), attribute("b", "2")],
        };
        assert_eq!(request.wanted, expected);
    }

    #[test]
    fn what_is_missing_or_odd_is_named() {
        for (found, expected) in [
            (wanted(""), "no device capabilities for 'new device'"),
            (mdev(""), "missing type id attribute for 'new device'"),
            (mdev("<type id=''/>"), "missing type id attribute for 'new device'"),
            (
                mdev(&format!("{TYPE}<iommuGroup number='-1'/>")),
                "invalid iommu group number '-1' for 'new device'",
            ),
            (
                wanted("<capability type='vdpa'/>"),
                "unknown capability type 'vdpa' for 'new device'",
            ),
            (
                wanted("<parent wwnn='2'>x</parent><capability type='scsi_host'/>"),
                "missing 'wwpn' of the parent, beside 'wwnn'",
            ),
            (
                wanted("<capability type='scsi_host'><capability type='pci'/></capability>"),
                "unknown SCSI host capability type 'pci' for 'new device'",
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
    fn a_virtual_port_says_as_much_of_its_names_as_it_likes() {
        let host = |inside: &str| {
            wanted(&format!("<capability type='scsi_host'>{inside}</capability>")).unwrap()
        };
        assert_eq!(host(""), Wanted::ScsiHost(None));
        assert_eq!(host("<capability type='vport_ops'/>"), Wanted::ScsiHost(None));
        let names = |wwnn: Option<&str>, wwpn: Option<&str>| {
            let [wwnn, wwpn] = [wwnn, wwpn].map(|name| name.map(str::to_owned));
            Wanted::ScsiHost(Some(VportNames { wwnn, wwpn }))
        };
        let fc = "<capability type='fc_host'><wwnn>20</wwnn><wwpn/></capability>";
        assert_eq!(host(fc), names(Some("20"), None));
        assert_eq!(host("<capability type='fc_host'/>"), names(None, None));
    }

    #[test]
    fn a_parent_is_chosen_by_world_wide_names() {
        let parent = |attributes: &str| {
            let xml =
                format!("<device><parent {attributes}/><capability type='scsi_host'/></device>");
            read_request(&xml).unwrap().parent_wwn
        };
        let host = ParentWwn::Host { wwnn: "1".to_owned(), wwpn: "2".to_owned() };
        assert_eq!(parent("wwnn='1' wwpn='2' fabric_wwn='3'"), Some(host));
        assert_eq!(parent("fabric_wwn='3'"), Some(ParentWwn::Fabric("3".to_owned())));
        assert_eq!(parent(""), None);
    }
}
