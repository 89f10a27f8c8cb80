//! Parents that are chosen by world-wide names.

use super::{ParentWwn, RequestError};
use crate::read::element::Element;

/// The names by which the parent is chosen, if they are given.
pub(super) fn names(root: Element<'_, '_>) -> Result<Option<ParentWwn>, RequestError> {
    let Some(parent) = root.child("parent") else {
        return Ok(None);
    };
    let name = |attribute| parent.attribute(attribute).filter(|name| !name.is_empty());
    let half = |given, value: &str, missing| {
        Err(RequestError::HalfOfParentWwn { given, value: value.to_owned(), missing })
    };
    match (name("wwnn"), name("wwpn")) {
        (Some(wwnn), Some(wwpn)) => {
            Ok(Some(ParentWwn::Host { wwnn: wwnn.to_owned(), wwpn: wwpn.to_owned() }))
        }
        (Some(wwnn), None) => half("wwnn", wwnn, "wwpn"),
        (None, Some(wwpn)) => half("wwpn", wwpn, "wwnn"),
        (None, None) => Ok(name("fabric_wwn").map(|name| ParentWwn::Fabric(name.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_request;

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

    #[test]
    fn one_of_two_names_is_not_enough() {
        let refused = |attributes: &str| {
            let xml =
                format!("<device><parent {attributes}/><capability type='scsi_host'/></device>");
            read_request(&xml).unwrap_err().to_string()
        };
        let expected = "when providing parent wwnn='2', the wwpn must also be provided";
        assert_eq!(refused("wwnn='2'"), expected);
        let expected = "when providing parent wwpn='1', the wwnn must also be provided";
        assert_eq!(refused("wwnn='' wwpn='1' fabric_wwn='3'"), expected);
    }
}
