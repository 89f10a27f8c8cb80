//! Network interfaces.

use nodedev_types::{Fields, fields::net};

use super::element::Element;
use crate::Error;

pub(super) fn read(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    element.text_into(fields, net::INTERFACE, "interface");
    element.text_into(fields, net::ADDRESS, "address");
    if let Some(link) = element.child("link") {
        fields.set_opt(net::LINK_SPEED, link.attribute_number("speed")?);
        fields.set_opt(net::LINK_STATE, link.attribute("state"));
    }
    // The place of the offload features.
    if let Some(subtype) = element.child("capability") {
        fields.set(net::SUBTYPE, self::subtype(subtype)?);
    }
    Ok(())
}

fn subtype<'a>(element: Element<'a, '_>) -> Result<&'a str, Error> {
    match element.required("type")? {
        known @ ("80203" | "80211") => Ok(known),
        _ => Err(element.invalid_attribute("type", "`80203` or `80211`")),
    }
}
