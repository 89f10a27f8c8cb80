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
    features(element, fields)?;
    if let Some(subtype) = element.child("capability") {
        fields.set(net::SUBTYPE, self::subtype(subtype)?);
    }
    Ok(())
}

fn features(element: Element<'_, '_>, fields: &mut Fields) -> Result<(), Error> {
    let features: Vec<String> = element
        .children("feature")
        .map(|feature| feature.required("name").map(str::to_owned))
        .collect::<Result<_, _>>()?;
    if !features.is_empty() {
        fields.set(net::FEATURES, features);
    }
    Ok(())
}

fn subtype<'a>(element: Element<'a, '_>) -> Result<&'a str, Error> {
    match element.required("type")? {
        known @ ("80203" | "80211") => Ok(known),
        _ => Err(element.invalid_attribute("type", "`80203` or `80211`")),
    }
}
