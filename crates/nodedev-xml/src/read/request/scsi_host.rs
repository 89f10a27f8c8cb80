//! Virtual ports that are asked for: SCSI hosts with world-wide names.

use super::{RequestError, VportNames, Wanted, text};
use crate::read::element::Element;

/// The SCSI host that is asked for.
pub(super) fn wanted(element: Element<'_, '_>) -> Result<Wanted, RequestError> {
    let mut names = None;
    for nested in element.children("capability") {
        match nested.attribute("type").ok_or(RequestError::NoNestedType)? {
            "fc_host" => {
                let (wwnn, wwpn) = (text(nested, "wwnn"), text(nested, "wwpn"));
                names = Some(VportNames { wwnn, wwpn });
            }
            "vport_ops" => {}
            other => return Err(RequestError::UnknownNested(other.to_owned())),
        }
    }
    Ok(Wanted::ScsiHost(names))
}

#[cfg(test)]
mod tests {
    use super::super::tests::wanted;
    use super::*;

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
    fn what_is_missing_or_odd_is_named() {
        for (inside, expected) in [
            ("<capability/>", "missing SCSI host capability type for 'new device'"),
            (
                "<capability type='pci'/>",
                "unknown SCSI host capability type 'pci' for 'new device'",
            ),
        ] {
            let xml = format!("<capability type='scsi_host'>{inside}</capability>");
            assert_eq!(wanted(&xml), Err(expected.to_owned()));
        }
    }
}
